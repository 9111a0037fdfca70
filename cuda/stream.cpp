#include <tz/cuda/copy_meter.hpp>
#include <tz/cuda/device.hpp>
#include <tz/cuda/device_error.hpp>
#include <tz/cuda/open_pieces.hpp>
#include <tz/cuda/stream.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <cuda_runtime_api.h>

#include <cassert>
#include <exception>
#include <new>
#include <utility>

namespace tz::cuda {

namespace {

// How often the device is asked while something is waited for. A copy of 4 MiB takes 75 µs, and a
// lane that learns of it 50 µs late costs nothing where others have work enqueued. A callback in
// the stream would hold the stream up (36 instead of 53 GB/s), and is never called after an error;
// a thread that waits for events costs four times as much CPU. See docs/decisions.md.
constexpr std::chrono::microseconds pause{50};

} // namespace

Stream::Stream(asio::io_context& context, int device, CopyTrack* track)
    : context_(context),
      device_(device),
      track_(track),
      timer_(context) {
    use_device(device);
    // not ordered with the program's default stream
    check(
        device,
        cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
        "cudaStreamCreateWithFlags");
}

Stream::~Stream() {
    assert(waiting_.empty());
    for (const Event event : idle_)
        cudaEventDestroy(event);
    cudaStreamDestroy(stream_);
}

void Stream::copy(std::byte* to, std::span<const std::byte> from) {
    use_device(device_);
    const auto began = CopyTrack::Clock::now();
    check(
        device_,
        cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyHostToDevice, stream_),
        "cudaMemcpyAsync");
    if (track_ != nullptr)
        track_->begin(from.size(), began);
}

void Stream::copy_back(std::span<std::byte> to, const std::byte* from) {
    use_device(device_);
    check(
        device_,
        cudaMemcpyAsync(to.data(), from, to.size(), cudaMemcpyDeviceToHost, stream_),
        "cudaMemcpyAsync from the device");
}

void Stream::open(const OpenOrders& orders) {
    use_device(device_);
    check(device_, enqueue_open(stream_, orders), "the opening of sealed pieces");
}

void Stream::clear(std::byte* to, std::uint64_t bytes) {
    use_device(device_);
    check(device_, cudaMemsetAsync(to, 0, bytes, stream_), "cudaMemsetAsync");
}

void Stream::wait_for(CUevent_st* event) {
    use_device(device_);
    check(device_, cudaStreamWaitEvent(stream_, event, 0), "cudaStreamWaitEvent");
}

void Stream::synchronize() noexcept {
    cudaStreamSynchronize(stream_);
    cudaGetLastError();
}

void Stream::start_wait(Handler handler) {
    Waiters one;
    Waiting& waiting = one.emplace_back(std::move(handler));
    if (track_ != nullptr)
        track_->mark();
    try {
        waiting.event = take_event();
        check(device_, cudaEventRecord(waiting.event, stream_), "cudaEventRecord");
        waiting_.splice(waiting_.end(), one);
        return arm();
    } catch (...) {
        waiting.error = std::current_exception();
    }
    if (waiting.event != nullptr)
        idle_.push_back(waiting.event);
    synchronize(); // the memory may be read still, and there is no asking
    end_copies();
    auto resume = [context = &context_, one = std::move(one)]() mutable {
        complete(*context, std::move(one));
    };
    asio::post(context_, waiting.memory.bind(std::move(resume)));
}

Stream::Event Stream::take_event() {
    use_device(device_);
    Event event = nullptr;
    if (!idle_.empty()) {
        event = idle_.back();
        idle_.pop_back();
        return event;
    }
    idle_.reserve(events_ + 1);
    check(
        device_,
        cudaEventCreateWithFlags(&event, cudaEventDisableTiming),
        "cudaEventCreateWithFlags");
    ++events_;
    return event;
}

void Stream::arm() {
    if (std::exchange(armed_, true))
        return;
    auto ask_again = [this](error_code) {
        armed_ = false;
        ask();
    };
    try {
        timer_.expires_after(pause);
        timer_.async_wait(timer_memory_.bind(ask_again));
    } catch (const std::bad_alloc&) { // the loop's list of timers had to grow
        synchronize();
        asio::post(context_, timer_memory_.bind([ask_again] { ask_again({}); }));
    }
}

/// The last that touches the stream before the coroutines that waited go on: they may destroy it.
void Stream::ask() {
    Waiters ready = take_ready();
    if (!waiting_.empty())
        arm();
    asio::io_context& context = context_;
    while (!ready.empty()) {
        Waiters one;
        one.splice(one.end(), ready, ready.begin());
        complete(context, std::move(one));
    }
}

Stream::Waiters Stream::take_ready() {
    Waiters ready;
    while (!waiting_.empty()) {
        Waiting& first = waiting_.front();
        const cudaError_t state = cudaEventQuery(first.event);
        if (state == cudaErrorNotReady) {
            cudaGetLastError(); // an answer, and no error
            break;
        }
        if (state != cudaSuccess)
            cudaStreamSynchronize(stream_); // the answer may be of something else: see start_wait()
        try {
            check(device_, state, "work on the device");
        } catch (...) {
            first.error = std::current_exception();
        }
        end_copies();
        idle_.push_back(first.event);
        ready.splice(ready.end(), waiting_, waiting_.begin());
    }
    return ready;
}

void Stream::end_copies() {
    if (track_ != nullptr)
        track_->end(CopyTrack::Clock::now());
}

void Stream::complete(asio::io_context& context, Waiters one) {
    const auto executor =
        asio::get_associated_executor(one.front().handler, context.get_executor());
    asio::dispatch(executor, [one = std::move(one)]() mutable {
        Waiting& waiting = one.front();
        std::move(waiting.handler)(std::move(waiting.error));
    });
}

} // namespace tz::cuda
