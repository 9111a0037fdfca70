// A file's pages as memory.
#pragma once

#include <tz/engine/reader.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tz {

/// A whole file mapped privately: what is written to the memory stays there. Unmapped by the
/// destructor, on any thread; the file may be closed before. Where someone cuts the file short,
/// touching what was cut off ends the process (SIGBUS).
class Mapping {
public:
    /// Throws `tz::Error` (errc::io, errc::limit) where the kernel refuses.
    Mapping(int fd, std::uint64_t bytes);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::span<std::byte> bytes() const { return {data_, size_}; }

    /// Makes the pages of `range`, a part of it, present. Blocks while they are read. Throws
    /// `tz::Error`: errc::object_changed where the file no longer has them, errc::io.
    void populate(std::span<std::byte> range) const;

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Reads by making the pages of a mapping present: `to` are parts of the mapping.
std::unique_ptr<Reader> make_mapped_reader(
    std::unique_ptr<Reader> file, const Mapping& mapping, Loop& loop, ReadCounters& counters);

} // namespace tz
