// Writes the fuzzers' seeds: small valid files, headers behind the number of their entry,
// manifests, and URLs.
#include "../format/support/made_file.hpp"
#include "entries.hpp"
#include <tz/format/dsse.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/signature.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

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

/// A tensor that has a shape and no data.
MadeFile meta_file(const MakeOptions& options) {
    MadeFile meta = make_file({content("a", "<f4", {2})}, options);
    put<std::uint32_t>(meta.bytes, 5, 4);
    put<std::uint64_t>(meta.bytes, entry_places(meta, 0).data_length, 0);
    put<std::uint64_t>(meta.bytes, header_places(meta, 0).data_length, 0);
    return meta;
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
    write(folder / "meta", meta_file(plain).bytes);
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

// Files with everything that a load meets: hashes, data in several chunks, pieces that chunks hold
// whole and pieces that they don't, tensors without data, a header larger than a chunk.
void write_file_seeds(const std::filesystem::path& folder, const Secret& key) {
    const auto bfloat16 = "<V2\0torch.bfloat16"s;
    const auto name = [&](const char* seed, const std::vector<Content>& tensors, MakeOptions how) {
        write(folder / seed, make_file(tensors, how).bytes);
    };
    MakeOptions hashed, aligned, bare, crc32, sha256, sealed, odd, whole;
    hashed.write = bare.write = crc32.write = sha256.write = sealed.write = packed();
    bare.write.crc32 = bare.write.sha256 = false;
    crc32.write.sha256 = sha256.write.crc32 = false;
    sealed.key = &key;
    sealed.write.piece_bytes = 1024;
    odd = whole = sealed;
    odd.write.piece_bytes = 1536;
    whole.write.piece_bytes = usual_piece_bytes;
    const std::vector<Content> small{
        content("a", "<f4", {3, 2}), content("b", "<i8", {}), content("c", "|u1", {0})};
    const std::vector<Content> cut{content("a", "|u1", {5000}), content("b", "<f4", {5})};
    name("small", small, hashed);
    name("aligned", small, aligned);
    name("bare", small, bare);
    name("crc32", small, crc32);
    name("sha256", small, sha256);
    name("cut", cut, hashed);
    name("sealed", cut, sealed);
    name("gathered", cut, odd);
    name("one_piece", cut, whole);
    name("opaque", {content("a", bfloat16, {2}), content("b", bfloat16, {0})}, hashed);
    name("opaque_sealed", {content("a", bfloat16, {0}), content("b", bfloat16, {9})}, sealed);
    name("long_header", {content(std::string(4100, 'n'), "|u1", {10})}, bare);
    sealed.write.derivation.emplace(KeyDerivation{1, 8192, {}});
    name("password", {content("a", "|u1", {2000})}, sealed);
    write(folder / "meta", meta_file(bare).bytes);
}

/// URLs, each with a Location behind a line end.
void write_url_seeds(const std::filesystem::path& folder) {
    const auto name = [&](const char* seed, const std::string& text) {
        const auto bytes = std::as_bytes(std::span(text));
        write(folder / seed, Bytes(bytes.begin(), bytes.end()));
    };
    name("plain", "https://a.example:8443/b/c?d=e#f\n../g?h");
    name("user", "http://user:p%40ss@a.example/\n//b.example/x");
    name("escapes", "http://a.example/a b/%2F%zz/\xc3\xa9?q=\"[]\n/x y");
    name("ipv6", "http://[2001:DB8::1]:81/\nhttp://[::ffff:169.254.169.254]/");
    name("numbers", "http://0x7f.1/\nhttp://2130706433/");
    name(
        "presigned",
        "https://b.s3.amazonaws.com//k/../%2B?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0\n"
        "?versionId=1;sig=2&a");
    name("networks", "http://192.0.2.9/\n*, .local.com 192.0.2.0/24,2001:db8::/32");
    name("other_schemes", "http://a/\nfile:///etc/passwd");
}

/// Headers of safetensors files, a file, and a list of shards.
void write_safetensors_seeds(const std::filesystem::path& folder) {
    const auto name = [&](const char* seed, const std::string& text) {
        const auto bytes = std::as_bytes(std::span(text));
        write(folder / seed, Bytes(bytes.begin(), bytes.end()));
    };
    const std::string header =
        R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
        R"("b":{"dtype":"BF16","shape":[],"data_offsets":[16,18]},)"
        R"("c":{"dtype":"F4","shape":[9,4],"data_offsets":[18,36]}})";
    name("header", header);
    name("empty", R"({"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}})");
    name(
        "unknown", R"({"a\u0001":{"data_offsets":[0,4],"dtype":"X1","shape":[8],"x":[1.5,null]}})");
    name("bare", "{}  ");
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    name("file", file + header + std::string(36, 'd'));
    name("list", R"({"metadata":{"total_size":9},"weight_map":{"a":"m-1.safetensors","b":"x"}})");
}

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return from_text(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// Each behind the byte that says what it is: manifests, a file with one, a model signature and its
/// statement.
void write_manifest_seeds(const std::filesystem::path& folder, const Secret& key) {
    const auto name = [&](const char* seed, std::uint8_t kind, Bytes bytes) {
        bytes.insert(bytes.begin(), static_cast<std::byte>(kind));
        write(folder / seed, bytes);
    };
    MakeOptions options;
    options.write = packed();
    options.region_bytes = 1000;
    MadeFile file = make_file({content("a", "<f4", {2}), content("b", "|u1", {3})}, options);
    Manifest manifest = describe(file.layout);
    name("bare", 0, write_manifest(manifest));
    manifest.headers.resize(2);
    manifest.piece_bytes = manifest_piece_bytes_min;
    manifest.pieces.resize(manifest_pieces(manifest.file_bytes, manifest.piece_bytes));
    add_signature(manifest, sign(manifest.root, key));
    add_signature(manifest, sign(manifest.root, SigningKey(Secret(counting(32, 9)))));
    const Bytes bytes = write_manifest(manifest);
    name("signed", 0, bytes);
    name("file", 1, file.bytes);
    std::ranges::copy(
        bytes,
        file.bytes.begin() + static_cast<std::ptrdiff_t>(file.layout.index_bytes - bytes.size()));
    name("file_with", 1, file.bytes);
    const Bytes bundle = read(folder / "../../../data/model-signing/model-p256.sig");
    name("bundle", 2, bundle);
    name("statement", 3, parse_bundle(bundle).payload);
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
    std::filesystem::create_directories(folder / "file");
    write_index_seeds(folder / "index", key);
    write_header_seeds(folder / "header", key);
    write_file_seeds(folder / "file", key);
    std::filesystem::create_directories(folder / "url");
    write_url_seeds(folder / "url");
    std::filesystem::create_directories(folder / "safetensors");
    write_safetensors_seeds(folder / "safetensors");
    std::filesystem::create_directories(folder / "manifest");
    write_manifest_seeds(folder / "manifest", key);
}
