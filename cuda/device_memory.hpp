// Memory of a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tz::cuda {

/// One allocation. Freed by the destructor, on any thread, once nothing on the device uses it.
class DeviceBlock {
public:
    /// Throws `DeviceError` (errc::limit) where the device has no room.
    DeviceBlock(int device, std::uint64_t bytes);

    /// The same on a thread that talks to the device already.
    struct Here {};

    DeviceBlock(Here, int device, std::uint64_t bytes);

    ~DeviceBlock();
    DeviceBlock(const DeviceBlock&) = delete;
    DeviceBlock& operator=(const DeviceBlock&) = delete;

    std::byte* data() const { return data_; }

    std::uint64_t bytes() const { return bytes_; }

private:
    void allocate();
    /// Whether it came to cudaFree.
    bool try_to_free() noexcept;

    std::byte* data_ = nullptr;
    std::uint64_t bytes_;
    int device_;
};

/// Makes it zeros, and waits for that. Takes no memory of the host: for who has none, or ends. On
/// the calling thread, which talks to `device` from then on. False where the device refuses.
bool clear_now(int device, std::byte* data, std::uint64_t bytes) noexcept;

/// Copies from the device to memory of the host, and waits for it. Any thread. Throws
/// `DeviceError`.
void copy_to_host(int device, const std::byte* from, std::span<std::byte> to);

} // namespace tz::cuda
