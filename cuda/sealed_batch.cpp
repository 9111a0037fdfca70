#include <tz/cuda/device_error.hpp>
#include <tz/cuda/open_pieces.hpp>
#include <tz/cuda/sealed_batch.hpp>
#include <tz/format/seal.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

namespace tz::cuda {

namespace {

std::size_t bytes_for(std::size_t pieces) {
    return pieces * (sizeof(PieceOrder) + sizeof(std::uint32_t));
}

std::size_t bytes_of_sums(std::size_t pieces) {
    return pieces * blocks_per_piece_max * sizeof(Residue);
}

} // namespace

std::size_t pieces_of(const SealedPart& part) {
    return (part.bytes.size() + part.seal->piece_bytes - 1) / part.seal->piece_bytes;
}

SealedBatch::SealedBatch(int device, std::size_t pieces)
    : device_(device),
      room_(pieces),
      host_(bytes_for(pieces)),
      pinned_(device),
      block_(device, bytes_for(pieces) + bytes_of_sums(pieces)),
      orders_(reinterpret_cast<PieceOrder*>(host_.bytes().data())),
      fits_(reinterpret_cast<std::uint32_t*>(orders_ + pieces)) {
    if (!pinned_.pin(host_.bytes()))
        throw DeviceError(
            device, cudaErrorMemoryAllocation, "the system pins no memory for keys of pieces");
}

void SealedBatch::add(const SealedPart& part, std::byte* to) {
    for (std::uint64_t at = 0; at < part.bytes.size(); at += part.seal->piece_bytes) {
        const std::uint64_t index = part.first_piece + at / part.seal->piece_bytes;
        PieceOrder& order = orders_[count_++];
        order.data = to + at;
        order.bytes = std::min<std::uint64_t>(part.seal->piece_bytes, part.bytes.size() - at);
        longest_ = std::max(longest_, order.bytes);
        format::PieceKey key =
            format::piece_key(format::piece_nonce(part.seal->nonce, index), *part.key);
        std::memcpy(order.key, key.key.data(), sizeof(order.key));
        std::memcpy(order.nonce, key.nonce.data(), sizeof(order.nonce));
        std::memcpy(order.mac, part.seal->macs[index].data(), sizeof(order.mac));
        format::wipe(key.key);
    }
}

SealedBatch::~SealedBatch() {
    wipe();
    if (on_device_) // it was not told to, or that failed
        clear_now(device_, block_.data(), block_.bytes());
}

void SealedBatch::enqueue(Stream& stream) {
    auto* orders = reinterpret_cast<PieceOrder*>(block_.data());
    auto* fits = reinterpret_cast<std::uint32_t*>(orders + room_);
    const std::size_t bytes = count_ * sizeof(PieceOrder);
    on_device_ = true;
    stream.copy(block_.data(), host_.bytes().first(bytes));
    auto* sums = reinterpret_cast<Residue*>(fits + room_);
    stream.open({orders, static_cast<std::uint32_t>(count_), longest_, sums, fits});
    stream.clear(block_.data(), bytes);
    on_device_ = false;
    stream.copy_back(
        std::as_writable_bytes(std::span(fits_, count_)), reinterpret_cast<const std::byte*>(fits));
}

void SealedBatch::wipe() noexcept {
    format::wipe(host_.bytes().first(count_ * sizeof(PieceOrder)));
    count_ = 0;
    longest_ = 0;
}

} // namespace tz::cuda
