// Writes the fuzzers' seeds: small valid files, and headers behind the number of their entry.
#include "../format/support/made_file.hpp"
#include "entries.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace tz::format;
using namespace tz::test;
using namespace std::string_literals;

void write(const std::filesystem::path& path, const Bytes& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(
            reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

void write_index_seeds(const std::filesystem::path& folder, const Secret& key) {
    const auto bfloat16 = "<V2\0torch.bfloat16"s;
    MakeOptions plain, sealed, password;
    plain.write = sealed.write = packed();
    sealed.key = password.key = &key;
    sealed.write.piece_bytes = 1024;
    password.write.derivation.emplace();
    write(
        folder / "plain",
        make_file({content("a", "<f4", {2}), content("b", "<i8", {})}, plain).bytes);
    write(
        folder / "opaque",
        make_file({content("a", bfloat16, {2}), content("b", bfloat16, {0})}).bytes);
    write(
        folder / "sealed",
        make_file({content("a", "|u1", {1500}), content("b", "|u1", {0})}, sealed).bytes);
    write(folder / "password", make_file({content("a", "|u1", {9})}, password).bytes);
    write(
        folder / "long",
        make_file({content("a", "|u1", {1ull << 32, 0}), content("b", "|u1", {3})}).bytes);
    write(
        folder / "structured",
        make_file({content("\x1e[\"a\",0]", "|u1", {1}),
                   content("\x1e[\"a\",1,\"\\u00e9\"]", "|u1", {1})})
            .bytes);
    MadeFile meta = make_file({content("a", "<f4", {2})}, plain);
    put<std::uint32_t>(meta.bytes, 5, 4);
    put<std::uint64_t>(meta.bytes, entry_places(meta, 0).data_length, 0);
    put<std::uint64_t>(meta.bytes, header_places(meta, 0).data_length, 0);
    write(folder / "meta", meta.bytes);
}

void write_header_seeds(const std::filesystem::path& folder, const Secret& key) {
    const std::vector<Entry> all = entries();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const TensorSpec& spec = all[i].spec;
        MakeOptions options;
        if (all[i].piece_bytes != 0) {
            options.key = &key;
            options.write.piece_bytes = all[i].piece_bytes;
        }
        if (all[i].password)
            options.write.derivation.emplace(KeyDerivation{1, 8192, {}});
        options.write.large_alignment = options.write.small_alignment = 1;
        const MadeFile file =
            make_file({content(spec.name, spec.dtype_code, spec.shape, spec.kind)}, options);
        const Range header = file.layout.tensors[0].header;
        Bytes seed = slice(file.bytes, header.offset, header.bytes);
        seed.insert(seed.begin(), static_cast<std::byte>(i));
        write(folder / ("entry" + std::to_string(i)), seed);
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: make_seeds FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = arguments[1];
    const Secret key(counting(32));
    std::filesystem::create_directories(folder / "index");
    std::filesystem::create_directories(folder / "header");
    write_index_seeds(folder / "index", key);
    write_header_seeds(folder / "header", key);
}
