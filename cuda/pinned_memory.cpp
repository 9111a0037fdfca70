#include <tz/cuda/near.hpp>
#include <tz/cuda/pinned_memory.hpp>
#include <tz/engine/memory.hpp>

#include <cuda_runtime_api.h>

namespace tz::cuda {

namespace {

void talk_to(int device) {
    if (cudaSetDevice(device) != cudaSuccess)
        cudaGetLastError(); // what is wrong with it, the next call says
}

} // namespace

PinnedMemory::~PinnedMemory() {
    release();
}

bool PinnedMemory::knows(std::span<const std::byte> memory) const {
    const std::lock_guard lock(mutex_);
    return pieces_.contains(memory.data());
}

bool PinnedMemory::pin(std::span<std::byte> memory) {
    Piece* piece = nullptr;
    {
        const std::lock_guard lock(mutex_);
        piece = &pieces_[memory.data()]; // first: what finds no memory here later stays pinned
        *piece = {memory.size(), false};
    }
    if (node_)
        bind_to_node(memory, *node_); // a wish: pinned memory far away works too
    HostMemory::touch(memory);
    talk_to(device_);
    const bool pinned =
        cudaHostRegister(memory.data(), memory.size(), cudaHostRegisterPortable) == cudaSuccess;
    if (!pinned)
        cudaGetLastError();
    const std::lock_guard lock(mutex_);
    piece->pinned = pinned;
    return pinned;
}

bool PinnedMemory::covers(std::span<const std::byte> memory) const {
    const std::lock_guard lock(mutex_);
    auto behind = pieces_.upper_bound(memory.data());
    if (behind == pieces_.begin())
        return false;
    const auto& [begin, piece] = *--behind;
    return piece.pinned && memory.data() + memory.size() <= begin + piece.bytes;
}

std::size_t PinnedMemory::bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    for (const auto& [begin, piece] : pieces_)
        bytes += piece.pinned ? piece.bytes : 0;
    return bytes;
}

void PinnedMemory::release() noexcept {
    const std::lock_guard lock(mutex_);
    if (!pieces_.empty())
        talk_to(device_);
    for (const auto& [begin, piece] : pieces_)
        if (piece.pinned)
            cudaHostUnregister(const_cast<std::byte*>(begin));
    pieces_.clear();
}

} // namespace tz::cuda
