#include <tz/cuda/device.hpp>
#include <tz/cuda/device_layout.hpp>
#include <tz/cuda/device_sink.hpp>
#include <tz/cuda/enqueued.hpp>
#include <tz/cuda/near.hpp>
#include <tz/cuda/range.hpp>
#include <tz/engine/loop.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <deque>
#include <new>
#include <string>
#include <utility>

namespace tz::cuda {

namespace {

std::uint64_t bytes_of(std::span<const Copy> copies) {
    std::uint64_t bytes = 0;
    for (const Copy& copy : copies)
        bytes += copy.from.size();
    return bytes;
}

bool is_meta(const Item& item) {
    return item.tensor->meta() && item.bytes > 0;
}

/// The thread that loads is the program's, and goes on with its device. Where that is one that it
/// never used, the driver makes a context there: on_device() would not, but takes memory.
class ThreadsDevice {
public:
    ThreadsDevice() : known_(cudaGetDevice(&device_) == cudaSuccess) {}

    ~ThreadsDevice() {
        int now = device_;
        if (!known_ || cudaGetDevice(&now) != cudaSuccess ||
            (now != device_ && cudaSetDevice(device_) != cudaSuccess))
            cudaGetLastError();
    }

    ThreadsDevice(const ThreadsDevice&) = delete;
    ThreadsDevice& operator=(const ThreadsDevice&) = delete;

private:
    int device_ = 0;
    bool known_;
};

} // namespace

DeviceSink::~DeviceSink() {
    if (holds_) { // there was no memory for abandon(), or it was given up at a wait
        const ThreadsDevice kept;
        let_go();
    }
    if (joined_ != nullptr)
        cudaEventDestroy(joined_);
}

void DeviceSink::begin(std::span<const Item> items, std::uint64_t /*cut_bytes*/) {
    holds_ = true;
    try {
        settle(items);
        for (std::size_t i = 0; i < options_.devices.size(); ++i) {
            if (options_.destination)
                take_given(i);
            else
                allocate(i);
        }
        pinned_.stay_on(memory_node_of(options_.devices));
        join_stream();
    } catch (const DeviceError&) {
        note_failure();
        throw;
    }
}

void DeviceSink::join_stream() {
    if (options_.stream == nullptr)
        return;
    const int device = options_.devices.front();
    const auto join = [this, device] {
        check(
            device,
            cudaEventCreateWithFlags(&joined_, cudaEventDisableTiming),
            "cudaEventCreateWithFlags");
        check(device, cudaEventRecord(joined_, options_.stream), "cudaEventRecord");
    };
    if (options_.stream == cudaStreamPerThread)
        join(); // of the caller's, and of the device that it talks to
    else
        on_device(device, join);
}

/// Tensors whose bytes no file holds are zeros.
awaitable<void> DeviceSink::open(Loop& loop) {
    co_await clear_all(loop, [](const Item& item, State) { return is_meta(item); });
}

awaitable<void> DeviceSink::stage(Loop& loop, std::span<std::byte> memory) {
    if (pinned_.knows(memory))
        co_return;
    bool pinned = false;
    auto pin = [this, memory, &pinned] { pinned = pinned_.pin(memory); };
    co_await loop.workers().run(std::move(pin));
    if (pinned)
        co_return;
    log_refusal();
}

void DeviceSink::log_refusal() {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(refusal_logged_, true) && options_.log)
        options_.log(
            LogLevel::warning,
            "the system refuses to pin memory: copies to the device are slower, by way of the "
            "driver's own");
}

LoopStreams& DeviceSink::streams_of(Loop& loop) {
    const std::lock_guard lock(mutex_);
    auto& streams = streams_[&loop];
    if (!streams)
        streams = std::make_unique<LoopStreams>(loop.context(), options_.devices, joined_, &meter_);
    return *streams;
}

std::vector<Copy> DeviceSink::copies_of(std::span<const Part> parts, std::size_t device) const {
    std::vector<Copy> copies;
    for (const Part& part : parts) {
        const Target& target = targets_[part.item];
        if (target.device == device)
            copies.push_back({target.data + part.offset, part.bytes, target.block});
    }
    return options_.destination ? copies : joined(copies); // whose allocations aren't known
}

awaitable<void> DeviceSink::enqueue(Loop& loop, Stream& stream, std::span<const Copy> copies) {
    for (const Copy& copy : copies) {
        if (pinned_.covers(copy.from)) {
            stream.copy(copy.to, copy.from);
            continue;
        }
        // the driver copies it to memory of its own, and the caller waits
        auto work = [&stream, &copy] { stream.copy(copy.to, copy.from); };
        co_await loop.workers().run(std::move(work));
    }
}

awaitable<void> DeviceSink::put(Loop& loop, std::span<const Part> parts) {
    const Then nothing = [](std::size_t, Stream&) {};
    co_await bring(loop, parts, copy_streams, nothing);
}

awaitable<void>
DeviceSink::bring(Loop& loop, std::span<const Part> parts, std::size_t streams, const Then& then) {
    for (const Part& part : parts)
        states_[part.item] = State::touched;
    Enqueued used;
    std::deque<Range> ranges; // until all are done
    std::exception_ptr failure;
    std::size_t count = 0;
    for (std::size_t device = 0; device < options_.devices.size(); ++device) {
        try {
            const std::vector<Copy> copies = copies_of(parts, device);
            if (copies.empty())
                continue;
            Stream& stream = streams_of(loop).next(device, streams);
            used.add(stream);
            ranges.emplace_back(names_[device].c_str(), bytes_of(copies));
            count += copies.size();
            co_await enqueue(loop, stream, copies);
            then(device, stream);
        } catch (const DeviceError&) {
            note_failure();
            failure = std::current_exception();
            break;
        }
    }
    // also after a failure: what was enqueued reads the staging
    while (!used.all_done()) {
        try {
            co_await used.next().done(use_awaitable);
        } catch (const DeviceError&) {
            note_failure();
            failure = std::current_exception();
        }
        used.next_is_done();
    }
    if (failure)
        std::rethrow_exception(failure);
    const std::lock_guard lock(mutex_);
    stats_.copies += count;
}

awaitable<void> DeviceSink::complete(Loop& /*loop*/, std::span<const std::uint32_t> items) {
    for (const std::uint32_t item : items)
        states_[item] = State::complete;
    co_return;
}

bool DeviceSink::restart(std::uint32_t /*item*/) {
    return true; // it is put over what is there
}

awaitable<void> DeviceSink::clear_all(Loop& loop, bool (*wanted)(const Item&, State)) {
    Enqueued used;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (!wanted(items_[i], states_[i]) || targets_[i].data == nullptr)
            continue;
        Stream& stream = streams_of(loop).next(targets_[i].device);
        used.add(stream);
        stream.clear(targets_[i].data, items_[i].bytes);
    }
    for (; !used.all_done(); used.next_is_done())
        co_await used.next().done(use_awaitable);
}

/// Unpins. No copy is under way.
awaitable<void> DeviceSink::release(Loop& loop) {
    stats_.pinned_bytes = pinned_.bytes();
    for (const auto& batch : batches_)
        stats_.pinned_bytes += batch->pinned_bytes();
    auto unpin = [this] {
        pinned_.release();
        batches_.clear();
    };
    co_await loop.workers().run(std::move(unpin));
    const std::lock_guard lock(mutex_);
    streams_.clear();
}

awaitable<void> DeviceSink::close(Loop& loop) {
    co_await release(loop);
    list_tensors();
    holds_ = false;
}

/// What was not verified stays nowhere, not even in memory that goes back to the device.
awaitable<void> DeviceSink::abandon(Loop& loop, std::chrono::steady_clock::time_point /*until*/) {
    try {
        co_await clear_all(loop, [](const Item&, State state) { return state == State::touched; });
        for (auto& state : states_)
            if (state == State::touched)
                state = State::untouched;
    } catch (const DeviceError&) { // let_go() asks it once more
        note_failure();
    } catch (const std::bad_alloc&) { // let_go() does it without
    }
    let_go();
}

/// Once, when nothing else runs: at abandon()'s end, or at that of the sink where it came to none.
/// Clears what was not cleared yet, then unpins and wipes, all on this thread: no other could be
/// told without memory.
void DeviceSink::let_go() noexcept {
    for (std::size_t i = 0; i < states_.size(); ++i) {
        const Target& target = targets_[i];
        if (states_[i] == State::touched && target.data != nullptr)
            clear_now(options_.devices[target.device], target.data, target.bytes);
    }
    pinned_.release();
    batches_.clear();
    const std::lock_guard lock(mutex_);
    streams_.clear();
    blocks_.clear();
    holds_ = false;
}

DeviceStats DeviceSink::stats() const {
    DeviceStats stats = stats_;
    stats.of_device = meter_.copies();
    return stats;
}

std::optional<DeviceError> DeviceSink::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

/// In a handler.
void DeviceSink::note_failure() {
    try {
        throw;
    } catch (const DeviceError& error) {
        const std::lock_guard lock(mutex_);
        if (!failure_)
            failure_ = error;
    }
}

} // namespace tz::cuda
