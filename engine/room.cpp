#include <tz/engine/room.hpp>
#include <tz/format/error.hpp>

#include <string>

namespace tz {

namespace {

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/// Where a Source has pages; data of others is copied.
bool stays_in_file(const Item& item) {
    return !item.layout->encrypted && item.linear() && item.read.offset % 64 == 0 &&
           !item.tensor->meta();
}

std::uint64_t bytes_for(const Item& item, const LoadOptions& options) {
    const bool owned = options.memory == Memory::owned ||
                       (options.memory == Memory::mapped && !stays_in_file(item));
    std::uint64_t bytes = owned ? item.bytes : 0;
    if (options.digests && item.tensor->meta())
        bytes = item.tensor->bytes; // its zeros are hashed, all of them
    if (options.keep_headers)
        bytes = saturated_sum(bytes, item.tensor->header.bytes);
    return bytes;
}

} // namespace

void check_room(
    std::span<const Item> items, const LoadOptions& options, std::uint64_t bytes_available) {
    std::uint64_t needed = 0;
    for (const Item& item : items)
        needed = saturated_sum(needed, bytes_for(item, options));
    if (needed <= bytes_available)
        return;
    throw Error(
        errc::limit,
        "the tensors take " + std::to_string(needed) + " bytes and " +
            std::to_string(bytes_available) + " bytes of memory are available",
        {},
        options.memory == Memory::owned ? "free memory, or load with --memory none"
                                        : "the file is damaged or made to cost much");
}

} // namespace tz
