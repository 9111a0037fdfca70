// What FileSource asks the kernel: which pages are cached, and what reads past the cache need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tz {

/// How many pages of the range are in the page cache; negative where the kernel can't tell
/// (before 6.5) or won't (newer ones tell only who may write the file).
std::int64_t cached_pages(int fd, std::uint64_t offset, std::uint64_t bytes);

/// What O_DIRECT asks of memory and offsets, at least `direct_alignment`.
std::size_t direct_alignment_of(int fd);

/// Throws what an open() that failed with `error` means.
[[noreturn]] void fail_to_open(const std::string& path, int error);

} // namespace tz
