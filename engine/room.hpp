// Whether a load fits into memory. Pure.
#pragma once

#include <tz/engine/item.hpp>
#include <tz/engine/options.hpp>

#include <cstdint>
#include <span>

namespace tz {

/// Compares what the load takes beside staging with what is available: a file of a few hundred
/// bytes can ask for terabytes of zeros, or for ages of hashing them. Throws `tz::Error`
/// (errc::limit).
void check_room(
    std::span<const Item> items, const LoadOptions& options, std::uint64_t bytes_available);

} // namespace tz
