// The block of a tensor header that says how its data is encrypted: both directions.
#pragma once

#include <tz/format/appender.hpp>
#include <tz/format/cursor.hpp>
#include <tz/format/seal.hpp>

#include <cstdint>
#include <optional>

namespace tz::format {

/// The block of a tensor without data: its length and a count of 0.
inline constexpr std::uint64_t crypt_info_bytes_min = 10;

/// Number of pieces that data is cut into.
std::uint64_t piece_count(std::uint64_t data_bytes, std::uint64_t piece_bytes);

/// Whether the format allows pieces of this size.
bool valid_piece_bytes(std::uint64_t piece_bytes);

/// Reads the block that begins at the cursor, and leaves the cursor behind it. Empty for a tensor
/// without data.
std::optional<Seal> parse_crypt_info(Cursor& header, std::uint64_t data_bytes);

/// Size of the block, its length field included.
std::uint64_t crypt_info_bytes(std::uint64_t pieces, bool derivation);

/// Appends the block; zeros stand for MACs that the seal does not have yet.
void append_crypt_info(Appender& out, const std::optional<Seal>& seal, std::uint64_t pieces);

} // namespace tz::format
