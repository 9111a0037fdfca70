// Sealed data that a device opens itself.
#include <tz/cuda/device_sink.hpp>
#include <tz/cuda/open_pieces.hpp>

#include <algorithm>
#include <utility>

namespace tz::cuda {

namespace {

constexpr std::size_t batch_room_min = 64; ///< pieces: usual ones fill a chunk with four

} // namespace

bool DeviceSink::opens_seals(std::uint64_t piece_bytes) const {
    return options_.decrypt_on != DecryptOn::cpu && piece_bytes >= opened_piece_bytes_min &&
           has_kernels();
}

/// Null where the system gives no memory for it: the CPU then opens the pieces.
std::unique_ptr<SealedBatch> DeviceSink::take_batch(std::size_t device, std::size_t pieces) {
    const int number = options_.devices[device];
    {
        const std::lock_guard lock(mutex_);
        const auto idle = std::find_if(batches_.begin(), batches_.end(), [&](const auto& batch) {
            return batch->device() == number && batch->room() >= pieces;
        });
        if (idle != batches_.end()) {
            auto batch = std::move(*idle);
            batches_.erase(idle);
            return batch;
        }
    }
    try {
        return std::make_unique<SealedBatch>(number, std::max(pieces, batch_room_min));
    } catch (const DeviceError& error) {
        if (error.kind() != errc::limit)
            throw;
        log_refusal();
        return nullptr;
    }
}

/// The orders of what goes to a device; null where nothing does, or there is no memory.
std::unique_ptr<SealedBatch>
DeviceSink::batch_of(std::span<const SealedPart> sealed, std::size_t device) {
    std::size_t pieces = 0;
    for (const SealedPart& part : sealed)
        pieces += targets_[part.item].device == device ? pieces_of(part) : 0;
    if (pieces == 0)
        return nullptr;
    auto batch = take_batch(device, pieces);
    for (const SealedPart& part : sealed)
        if (batch && targets_[part.item].device == device)
            batch->add(part, targets_[part.item].data + part.offset);
    return batch;
}

awaitable<std::vector<bool>>
DeviceSink::open_sealed(Loop& loop, std::span<const SealedPart> sealed) {
    const std::vector<Part> parts(sealed.begin(), sealed.end());
    std::vector<std::unique_ptr<SealedBatch>> batches(options_.devices.size());
    const Then open = [this, sealed, &batches](std::size_t device, Stream& stream) {
        batches[device] = batch_of(sealed, device);
        if (batches[device])
            batches[device]->enqueue(stream);
    };
    co_await bring(loop, parts, opening_streams, open);

    std::vector<bool> opened;
    std::vector<std::size_t> next(batches.size()); // pieces of each device that are behind us
    std::uint64_t bytes = 0;
    for (const SealedPart& part : sealed) {
        const std::size_t device = targets_[part.item].device;
        if (!batches[device]) {
            opened.push_back(false);
            continue;
        }
        const auto fits = batches[device]->fits().subspan(next[device], pieces_of(part));
        next[device] += fits.size();
        opened.push_back(std::find(fits.begin(), fits.end(), 0u) == fits.end());
        bytes += opened.back() ? part.bytes.size() : 0;
    }
    const std::lock_guard lock(mutex_);
    stats_.opened_bytes += bytes;
    for (auto& batch : batches) {
        if (batch) {
            batch->wipe();
            batches_.push_back(std::move(batch));
        }
    }
    co_return opened;
}

} // namespace tz::cuda
