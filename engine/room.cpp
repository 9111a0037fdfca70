#include <tz/engine/plan.hpp>
#include <tz/engine/room.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <string>

namespace tz {

namespace {

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

std::uint64_t bytes_for(const Item& item, const LoadOptions& options) {
    const bool owned = options.memory == Memory::owned ||
                       (options.memory == Memory::mapped && !maps_in_place(item));
    std::uint64_t bytes = owned ? item.bytes : 0;
    if (options.digests && item.tensor->meta())
        bytes = item.tensor->bytes; // its zeros are hashed, all of them
    if (options.keep_headers)
        bytes = saturated_sum(bytes, item.tensor->header.bytes);
    if (options.keep_headers && options.headers_only) // and what their hashes cover
        bytes = saturated_sum(bytes, item.tensor->header.bytes);
    return bytes;
}

std::uint64_t bytes_needed(std::span<const Item> items, const LoadOptions& options) {
    std::uint64_t needed = 0;
    for (const Item& item : items)
        needed = saturated_sum(needed, bytes_for(item, options));
    return needed;
}

} // namespace

std::uint64_t bytes_beside(std::uint64_t tensors) {
    constexpr std::uint64_t most = 16 << 20;
    return std::min(tensors, most) + tensors / 256;
}

std::uint64_t check_room(
    std::span<const Item> items,
    const LoadOptions& options,
    std::uint64_t bytes_available,
    std::uint64_t staging_least) {
    const std::uint64_t needed = bytes_needed(items, options);
    const std::uint64_t all = saturated_sum(needed, bytes_beside(needed));
    if (needed == 0 || saturated_sum(all, staging_least) <= bytes_available)
        return std::min(bytes_available - std::min(all, bytes_available), bytes_available / 2);
    throw Error(
        errc::limit,
        "the tensors take " + std::to_string(needed) + " bytes, " +
            std::to_string(saturated_sum(all, staging_least)) +
            " with what loading them takes, and " + std::to_string(bytes_available) +
            " bytes of memory are available",
        {},
        options.memory == Memory::owned ? "free memory, or load with --memory none"
                                        : "the file is damaged or made to cost much");
}

} // namespace tz
