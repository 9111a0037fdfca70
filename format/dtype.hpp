// Dtype strings of `.tensors` files: NumPy's spelling, or a size and torch's name for types that
// NumPy lacks. Nothing is ever looked up by a name from a file except in the tables here.
#pragma once

#include <tz/format/layout.hpp>

#include <cstdint>
#include <string_view>

namespace tz::format {

/// The type that `code` means. Types of the form "<V2\0torch.NAME" are kept whether or not this
/// build knows the name. Throws `tz::Error` (errc::format or errc::unsupported, offset `at`).
DType parse_dtype(std::string_view code, std::uint64_t at);

/// Whether the type is stored with torch's name, for want of one in NumPy; needs file version 2.
bool opaque(const DType& dtype);

} // namespace tz::format
