// safetensors files of the samples that tests load, written by hand: the header's length, JSON,
// data.
#pragma once

#include <tz/tests/support/files.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz::test {

/// A tensor of a file to be written. `shape` as JSON.
struct SafetensorsEntry {
    std::string name;
    std::string dtype;
    std::string shape;
    std::span<const std::byte> data;
};

/// The data begins at a multiple of `alignment`, 8 as the format's own writer has it, and lies in
/// the order of the entries.
inline std::vector<std::byte> safetensors_bytes(
    const std::vector<SafetensorsEntry>& entries,
    std::size_t alignment = 8,
    const std::string& metadata = {}) {
    std::string header = "{";
    if (!metadata.empty())
        header += "\"__metadata__\":" + metadata;
    std::uint64_t at = 0;
    for (const SafetensorsEntry& entry : entries) {
        header += (header.size() > 1 ? ",\"" : "\"") + entry.name + R"(":{"dtype":")" +
                  entry.dtype + R"(","shape":)" + entry.shape + R"(,"data_offsets":[)" +
                  std::to_string(at) + "," + std::to_string(at + entry.data.size()) + "]}";
        at += entry.data.size();
    }
    header += "}";
    header.resize((8 + header.size() + alignment - 1) / alignment * alignment - 8, ' ');
    std::vector<std::byte> file;
    for (std::size_t i = 0; i < 8; ++i)
        file.push_back(static_cast<std::byte>(header.size() >> (8 * i)));
    const auto text = std::as_bytes(std::span(header));
    file.insert(file.end(), text.begin(), text.end());
    for (const SafetensorsEntry& entry : entries)
        file.insert(file.end(), entry.data.begin(), entry.data.end());
    return file;
}

/// The sample's tensors, of uint8.
inline std::vector<std::byte>
safetensors_of(const std::vector<TensorView>& views, std::size_t alignment = 8) {
    std::vector<SafetensorsEntry> entries;
    for (const TensorView& view : views) {
        std::string shape;
        for (const std::uint64_t dimension : view.spec.shape)
            shape += (shape.empty() ? "[" : ",") + std::to_string(dimension);
        entries.push_back({view.spec.name, "U8", shape.empty() ? "[]" : shape + "]", view.data});
    }
    return safetensors_bytes(entries, alignment);
}

} // namespace tz::test
