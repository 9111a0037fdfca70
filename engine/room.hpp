// Whether a load fits into memory. Pure.
#pragma once

#include <tz/engine/item.hpp>
#include <tz/engine/options.hpp>

#include <cstdint>
#include <span>

namespace tz {

/// What a process takes beside tensors and staging while it loads that many bytes: tables of pages,
/// stacks, what the kernel keeps of reads. More than was seen, since whoever runs out of memory in
/// a container is killed.
std::uint64_t bytes_beside(std::uint64_t tensors);

/// Compares what the load takes, with `staging_least` bytes of staging, with what is available: a
/// file of a few hundred bytes can ask for terabytes of zeros, or for ages of hashing them. Throws
/// `tz::Error` (errc::limit); a load that keeps nothing is never refused. Returns how large staging
/// may be, half of what is available at most.
std::uint64_t check_room(
    std::span<const Item> items,
    const LoadOptions& options,
    std::uint64_t bytes_available,
    std::uint64_t staging_least = 0);

} // namespace tz
