// Memory that tensors are handed out in.
#pragma once

#include <cstddef>
#include <span>

namespace tz {

/// One private anonymous mapping that begins where a huge page does; huge pages are asked for.
/// Pages are not touched here: the workers do that. Freed by the destructor, on any thread.
class HostMemory {
public:
    /// Throws `tz::Error` (errc::limit) when the kernel has no such room.
    explicit HostMemory(std::size_t bytes);
    ~HostMemory();
    HostMemory(const HostMemory&) = delete;
    HostMemory& operator=(const HostMemory&) = delete;

    std::span<std::byte> bytes() const { return {data_, size_}; }

    /// Makes the pages of `range` present. Costs little where they are. Threads that touch
    /// neighbouring ranges don't clear the huge page between them twice.
    static void touch(std::span<std::byte> range) noexcept;

    /// The start of `range`, up to where the next huge page begins. What is read to memory right
    /// after it was touched finds the zeros in the CPU's cache; a whole chunk wouldn't fit.
    static std::span<std::byte> first_block(std::span<std::byte> range) noexcept;

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace tz
