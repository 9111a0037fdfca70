// Bytes as text in headers. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tz {

std::string encode_base64(std::span<const std::byte> bytes);

/// Fills `to`; false where `text` isn't exactly as many bytes in canonical base64.
bool decode_base64(std::string_view text, std::span<std::byte> to);

} // namespace tz
