#include "files.hpp"

#include <tz/engine/save.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace tz::test {

namespace {

void append(std::ofstream& file, std::span<const std::byte> bytes) {
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

// The index and the headers of a file whose data is left to be holes.
void write_heads(
    const std::string& path,
    std::uint64_t bytes,
    std::size_t tensors,
    const format::WriteOptions& options,
    const format::HeaderValues& values) {
    std::vector<format::TensorSpec> specs;
    for (std::size_t i = 0; i < tensors; ++i)
        specs.push_back(
            {.name = "w" + std::to_string(i),
             .dtype_code = "|u1",
             .shape = {bytes},
             .bytes = bytes});
    const format::Layout layout = format::plan_file(specs, options);
    std::ofstream file(path, std::ios::binary);
    append(file, format::write_index(layout));
    for (const format::Tensor& tensor : layout.tensors) {
        file.seekp(static_cast<std::streamoff>(tensor.header.offset));
        append(file, format::write_header(tensor, layout, values));
    }
    file.close();
    std::filesystem::resize_file(path, layout.file_bytes);
}

} // namespace

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "tz_tools_XXXXXX").string()) {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    EXPECT_EQ(::chmod(path_.c_str(), 0755), 0);
}

Folder::~Folder() {
    std::filesystem::remove_all(path_);
}

std::string Folder::write(std::string_view name, std::string_view text, unsigned mode) const {
    const std::string file = path(name);
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(::chmod(file.c_str(), mode), 0);
    return file;
}

void write_tensors(const std::string& path, std::size_t bytes, std::string_view key) {
    std::vector<std::byte> large(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
        large[i] = static_cast<std::byte>(i * 7 + i / 251);
    const std::vector<std::byte> small(12, std::byte{1});
    const std::vector<TensorView> tensors{
        {{.name = "layers.0.weight", .dtype_code = "|u1", .shape = {bytes}, .bytes = bytes}, large},
        {{.name = "a\\b\nc", .dtype_code = "<f4", .shape = {3, 1}, .bytes = 12}, small}};
    SaveOptions options;
    if (!key.empty())
        options.key = std::make_shared<format::Secret>(std::as_bytes(std::span(key)));
    save(path, tensors, options);
}

void write_sparse(const std::string& path, std::uint64_t bytes, std::size_t tensors) {
    write_heads(path, bytes, tensors, {.crc32 = false, .sha256 = false, .derivation = {}}, {});
}

void write_costly_password(const std::string& path) {
    const format::KeyDerivation costly{.passes = 1u << 20, .memory_bytes = 1ull << 40};
    const format::Seal seal{.macs = {format::Mac{}}, .derivation = costly};
    format::HeaderValues values;
    values.seal = seal;
    write_heads(
        path,
        8,
        1,
        {.crc32 = false, .sha256 = false, .encrypted = true, .derivation = costly},
        values);
}

void damage(const std::string& path, std::size_t bytes) {
    // the data is found by its first bytes, which nothing else in the file has
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    std::string content(std::istreambuf_iterator<char>(file), {});
    std::string start(16, '\0');
    for (std::size_t i = 0; i < start.size(); ++i)
        start[i] = static_cast<char>(i * 7);
    const auto at = content.find(start);
    ASSERT_NE(at, content.npos);
    const auto last = static_cast<std::streamoff>(at + bytes - 1);
    file.seekp(last);
    file.put(static_cast<char>(content[static_cast<std::size_t>(last)] ^ 1));
}

} // namespace tz::test
