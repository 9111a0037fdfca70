// Memory that tensors are handed out in.
#pragma once

#include <cstddef>
#include <span>

namespace tz {

/// One private anonymous mapping, page-aligned, huge pages asked for. Pages are not touched here:
/// the workers do that. Freed by the destructor, on any thread.
class HostMemory {
public:
    /// Throws `tz::Error` (errc::limit) when the kernel has no such room.
    explicit HostMemory(std::size_t bytes);
    ~HostMemory();
    HostMemory(const HostMemory&) = delete;
    HostMemory& operator=(const HostMemory&) = delete;

    std::span<std::byte> bytes() const { return {data_, size_}; }

    /// Makes the pages of `range` present. Costs nothing where they are.
    static void touch(std::span<std::byte> range) noexcept;

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace tz
