// safetensors files for tests, from a header as text.
#pragma once

#include "bytes.hpp"
#include <tz/format/safetensors.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace tz::test {

/// `header`, its length before it, and `data_bytes` bytes that count up behind it.
inline Bytes safetensors_file(std::string_view header, std::size_t data_bytes) {
    Bytes file(8);
    put<std::uint64_t>(file, 0, header.size());
    const Bytes text = from_text(header);
    const Bytes data = counting(data_bytes);
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), data.begin(), data.end());
    return file;
}

/// An entry of a header, to be put between braces, with a comma between two.
inline std::string safetensors_entry(
    const std::string& name,
    const std::string& dtype,
    const std::string& shape,
    std::uint64_t begin,
    std::uint64_t end) {
    return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

/// The layout of a whole file, as the engine asks for it.
inline format::Layout parse_safetensors_file(const Bytes& file) {
    const std::uint64_t index = format::safetensors_index_bytes(
        std::span(file).first(std::min<std::size_t>(file.size(), 73)), file.size());
    return format::parse_safetensors(std::span(file).first(index), file.size());
}

} // namespace tz::test
