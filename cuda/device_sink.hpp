// Takes the tensors of a load to one device or several.
#pragma once

#include <tz/cuda/copy_meter.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/device_layout.hpp>
#include <tz/cuda/device_load.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/cuda/loop_streams.hpp>
#include <tz/cuda/pinned_memory.hpp>
#include <tz/cuda/sealed_batch.hpp>
#include <tz/engine/sink.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

struct CUevent_st;

namespace tz::cuda {

/// The lanes' staging is pinned as they come to use it, and unpinned at the end. A put() ends when
/// its copies are done, whatever happens meanwhile: until then the device reads the staging.
/// The engine of the load outlives it.
class DeviceSink final : public Sink {
public:
    /// `trace`, which may be null, gets a track of each stream.
    explicit DeviceSink(const DeviceOptions& options, std::shared_ptr<Trace> trace = {})
        : options_(options),
          pinned_(options.devices.front()),
          meter_(options.devices, std::move(trace)) {
        names_.reserve(options.devices.size());
        for (const int device : options.devices)
            names_.push_back("copy to " + device_name(device));
    }

    ~DeviceSink() override;

    bool cuts_from_data() const override { return false; }

    /// A third of the lanes have their chunk under way to the device.
    unsigned file_lanes() const override { return 24; }

    /// The loop, which hands on 50 GB/s, has a core for itself. Where the bus holds all up, threads
    /// that only copy pages leave some more to the driver.
    unsigned workers_max(unsigned cores, bool computing) const override {
        const unsigned spared = computing ? 1 : std::max(1u, cores / 5);
        return cores - std::min(spared, cores - 1);
    }

    void begin(std::span<const Item> items, std::uint64_t cut_bytes) override;
    awaitable<void> open(Loop& loop) override;
    awaitable<void> stage(Loop& loop, std::span<std::byte> memory) override;
    awaitable<void> put(Loop& loop, std::span<const Part> parts) override;
    bool opens_seals(std::uint64_t piece_bytes) const override;
    awaitable<std::vector<bool>>
    open_sealed(Loop& loop, std::span<const SealedPart> sealed) override;
    awaitable<void> complete(Loop& loop, std::span<const std::uint32_t> items) override;
    bool restart(std::uint32_t item) override;
    awaitable<void> close(Loop& loop) override;
    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) override;

    /// After a load that did not fail: the tensors, by file and in file order. Files behind the
    /// last that has any are left out.
    std::vector<std::vector<DeviceTensor>> take_tensors() { return std::move(tensors_); }

    DeviceStats stats() const;

    /// What CUDA refused first, if anything.
    std::optional<DeviceError> failure() const;

private:
    enum class State : std::uint8_t { untouched, touched, complete };

    struct Target {
        std::size_t device = 0; ///< of `options_.devices`
        std::size_t block = 0;  ///< of `blocks_`, where it is memory of ours
        std::byte* data = nullptr;
        std::uint64_t bytes = 0;
    };

    void settle(std::span<const Item> items);
    void take_blocks(int number, const BlockLayout& layout);
    void allocate(std::size_t device);
    void take_given(std::size_t device);
    void join_stream();
    std::vector<std::uint64_t> sizes_on(std::size_t device) const;
    std::vector<Copy> copies_of(std::span<const Part> parts, std::size_t device) const;
    LoopStreams& streams_of(Loop& loop);
    awaitable<void> enqueue(Loop& loop, Stream& stream, std::span<const Copy> copies);
    /// Copies in one of so many streams, calls `then` with it, and waits for all.
    using Then = std::function<void(std::size_t device, Stream& stream)>;
    awaitable<void>
    bring(Loop& loop, std::span<const Part> parts, std::size_t streams, const Then& then);
    std::unique_ptr<SealedBatch> take_batch(std::size_t device, std::size_t pieces);
    std::unique_ptr<SealedBatch> batch_of(std::span<const SealedPart> sealed, std::size_t device);
    void log_refusal();
    awaitable<void> clear_all(Loop& loop, bool (*wanted)(const Item&, State));
    awaitable<void> release(Loop& loop);
    void let_go() noexcept;
    void list_tensors();
    void note_failure();

    const DeviceOptions& options_;
    std::span<const Item> items_; ///< of the load, while it lasts
    bool holds_ = false;          ///< from begin() until close() or abandon() has ended
    std::vector<Target> targets_; ///< by item
    std::vector<std::atomic<State>> states_;
    std::vector<std::shared_ptr<DeviceBlock>> blocks_;
    PinnedMemory pinned_;
    std::vector<std::string> names_; ///< of copies to each device, for profilers
    CopyMeter meter_;                ///< before the streams, which tell it
    CUevent_st* joined_ = nullptr;   ///< what comes first on the caller's stream
    DeviceStats stats_;
    std::vector<std::vector<DeviceTensor>> tensors_;

    mutable std::mutex mutex_; ///< of what follows
    std::map<const Loop*, std::unique_ptr<LoopStreams>> streams_;
    std::vector<std::unique_ptr<SealedBatch>> batches_; ///< to use again
    std::optional<DeviceError> failure_;
    bool refusal_logged_ = false;
};

} // namespace tz::cuda
