// Files and bytes for tests.
#pragma once

#include "seed.hpp"
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tz::test {

/// A folder that goes with the test.
class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "tz-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }

    ~TempFolder() { std::filesystem::remove_all(path_); }

    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    std::vector<std::byte> bytes(size);
    for (auto& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

inline std::vector<std::byte> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(
        reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// The key 00 01 02 .. 1f.
inline std::shared_ptr<const format::Secret> sample_key() {
    std::vector<std::byte> bytes(format::key_bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i);
    return std::make_shared<format::Secret>(std::span<const std::byte>(bytes));
}

inline std::shared_ptr<const format::Secret> secret(const std::string& text) {
    return std::make_shared<format::Secret>(std::as_bytes(std::span(text)));
}

/// Tensors of uint8 with random bytes, of the given sizes, named t0, t1, ...
struct Sample {
    explicit Sample(const std::vector<std::size_t>& sizes, std::uint64_t seed = 1) {
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            data.push_back(random_bytes(sizes[i], seed + i));
            TensorView view;
            view.spec.name = "t" + std::to_string(i);
            view.spec.dtype_code = "|u1";
            view.spec.shape = {sizes[i]};
            view.spec.bytes = sizes[i];
            view.data = data.back();
            views.push_back(std::move(view));
        }
    }

    std::vector<std::vector<std::byte>> data;
    std::vector<TensorView> views;
};

/// The `tz::Error` that `body` throws, if it throws one.
inline std::optional<Error> error_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error;
    }
    return {};
}

} // namespace tz::test
