// Streams, events and copies of the fake runtime.
#include <tz/cuda/open_pieces.hpp>
#include <tz/tests/support/fake_cudart_state.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

using tz::test::fake_runtime;
using tz::test::FakeRuntime;

CUstream_st::CUstream_st(int its_device) : device(its_device), thread_([this] { run(); }) {}

CUstream_st::~CUstream_st() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void CUstream_st::enqueue(std::function<void()> work) {
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(fake_runtime().mutex);
        number = fake_runtime().enqueued++;
    }
    const std::lock_guard lock(mutex_);
    works_.push_back({number, std::move(work)});
    changed_.notify_all();
}

void CUstream_st::synchronize() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return works_.empty() && !busy_; });
}

void CUstream_st::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ended_ || !works_.empty(); });
        if (works_.empty())
            return;
        const tz::test::FakeWork work = std::move(works_.front());
        works_.pop_front();
        busy_ = true;
        lock.unlock();
        std::this_thread::sleep_for(std::chrono::microseconds(fake_runtime().draw_delay()));
        fake_runtime().note_run(work.number);
        work.run();
        lock.lock();
        busy_ = false;
        changed_.notify_all();
    }
}

void FakeRuntime::take_copy_time(int device) {
    std::chrono::microseconds time;
    std::mutex* engine = nullptr;
    {
        const std::lock_guard lock(mutex);
        time = copy_time;
        engine = &copy_engines[device];
    }
    if (time.count() == 0)
        return;
    using Clock = std::chrono::steady_clock;
    const auto asked = Clock::now();
    const std::lock_guard working(*engine);
    std::this_thread::sleep_for(time);
    const auto ended = Clock::now();
    const std::lock_guard lock(mutex);
    // from when it could begin: that this thread got a core late is the engine's time, as sleep is
    const std::chrono::duration<double> took = ended - std::max(asked, copies_ended[device]);
    copies_ended[device] = ended;
    copy_seconds[device] += took.count();
}

namespace {

/// cudaStreamLegacy is a number, and of the device that the thread talks to.
CUstream_st& stream_of(cudaStream_t stream) {
    if (stream != cudaStreamLegacy)
        return *stream;
    int device = 0;
    cudaGetDevice(&device);
    FakeRuntime& runtime = fake_runtime();
    const std::lock_guard lock(runtime.mutex);
    return runtime.legacy_streams.try_emplace(device, device).first->second;
}

/// What a work that was enqueued does when its turn comes.
bool work_fails() {
    FakeRuntime& runtime = fake_runtime();
    const cudaError_t error = runtime.enter("work");
    if (error != cudaSuccess)
        runtime.sticky = error; // like all errors of work: nobody waits for its answer
    return error != cudaSuccess;
}

void check_target(const CUstream_st& stream, const void* to, std::size_t bytes) {
    FakeRuntime& runtime = fake_runtime();
    if (!runtime.holds(stream.device, to, bytes))
        runtime.violate("work is outside the allocations of its device");
}

void copy_back(CUstream_st& stream, void* to, const void* from, std::size_t bytes) {
    check_target(stream, from, bytes);
    if (!fake_runtime().is_pinned(to, bytes))
        fake_runtime().violate(
            "a copy to memory of the host that is not pinned holds its thread up");
    const auto* begin = static_cast<const std::byte*>(to);
    {
        const std::lock_guard lock(fake_runtime().mutex);
        fake_runtime().read_by_copies.insert(begin);
    }
    stream.enqueue([to, from, bytes, begin, device = stream.device] {
        FakeRuntime& runtime = fake_runtime();
        if (!work_fails() && runtime.holds(device, from, bytes))
            std::memcpy(to, from, bytes);
        const std::lock_guard lock(runtime.mutex);
        runtime.read_by_copies.erase(runtime.read_by_copies.find(begin));
    });
}

} // namespace

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int /*flags*/) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaStreamCreateWithFlags"))
        return error;
    int device = 0;
    cudaGetDevice(&device);
    *stream = new CUstream_st(device);
    const std::lock_guard lock(runtime.mutex);
    runtime.streams.insert(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    FakeRuntime& runtime = fake_runtime();
    {
        const std::lock_guard lock(runtime.mutex);
        if (runtime.streams.erase(stream) == 0)
            return FakeRuntime::answer(cudaErrorInvalidValue);
    }
    delete stream;
    return runtime.enter("cudaStreamDestroy");
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    const auto error = fake_runtime().enter("cudaStreamSynchronize");
    stream_of(stream).synchronize(); // also where it fails: after an error the device does nothing
    return error;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int /*flags*/) {
    if (const auto error = fake_runtime().enter("cudaStreamWaitEvent"))
        return error;
    const std::uint64_t record = event->recorded;
    stream_of(stream).enqueue([event, record] {
        while (event->reached < record)
            std::this_thread::yield();
    });
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int /*flags*/) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaEventCreateWithFlags"))
        return error;
    auto made = std::make_shared<CUevent_st>();
    *event = made.get();
    const std::lock_guard lock(runtime.mutex);
    runtime.events.emplace(*event, std::move(made));
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    FakeRuntime& runtime = fake_runtime();
    {
        const std::lock_guard lock(runtime.mutex);
        const auto known = runtime.events.find(event);
        if (known == runtime.events.end())
            return FakeRuntime::answer(cudaErrorInvalidValue);
        if (runtime.sticky == cudaSuccess && event->reached != event->recorded)
            runtime.violations.emplace_back("an event is destroyed before it is reached");
        runtime.events.erase(known);
    }
    return runtime.enter("cudaEventDestroy");
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaEventRecord"))
        return error;
    if (event->reached != event->recorded)
        runtime.violate("an event is recorded again before it is reached");
    std::shared_ptr<CUevent_st> kept; // it may be destroyed before it is reached
    {
        const std::lock_guard lock(runtime.mutex);
        kept = runtime.events.at(event);
    }
    stream_of(stream).enqueue([kept = std::move(kept)] { ++kept->reached; });
    ++event->recorded; // not where there was no memory to enqueue it
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    if (const auto error = fake_runtime().enter("cudaEventQuery"))
        return error;
    return event->reached == event->recorded ? cudaSuccess : FakeRuntime::answer(cudaErrorNotReady);
}

cudaError_t cudaMemcpyAsync(
    void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMemcpyAsync"))
        return error;
    if (kind == cudaMemcpyDeviceToHost) {
        copy_back(*stream, to, from, bytes);
        return cudaSuccess;
    }
    if (kind != cudaMemcpyHostToDevice)
        return FakeRuntime::answer(cudaErrorInvalidValue);
    check_target(*stream, to, bytes);
    const auto* begin = static_cast<const std::byte*>(from);
    // what it is now; by the time of the copy it must be the same
    std::vector<std::byte> now(begin, begin + bytes);
    {
        const std::lock_guard lock(runtime.mutex);
        runtime.read_by_copies.insert(begin);
    }
    stream->enqueue([&runtime, begin, to, device = stream->device, now = std::move(now)] {
        runtime.take_copy_time(device);
        if (!work_fails()) {
            if (std::memcmp(begin, now.data(), now.size()) != 0)
                runtime.violate("memory changed while a copy had yet to read it");
            if (runtime.holds(device, to, now.size()))
                std::memcpy(to, begin, now.size());
        }
        const std::lock_guard lock(runtime.mutex);
        runtime.read_by_copies.erase(runtime.read_by_copies.find(begin));
    });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
    FakeRuntime& runtime = fake_runtime();
    if (const auto error = runtime.enter("cudaMemsetAsync"))
        return error;
    CUstream_st& its = stream_of(stream);
    check_target(its, to, bytes);
    its.enqueue([&runtime, to, value, bytes, device = its.device] {
        if (!work_fails() && runtime.holds(device, to, bytes))
            std::memset(to, value, bytes);
    });
    return cudaSuccess;
}

} // extern "C"

// The kernels, as the host does them.
namespace tz::cuda {

bool has_kernels() {
    return fake_runtime().has_kernels;
}

int enqueue_open(CUstream_st* stream, const OpenOrders& open) {
    if (const auto error = fake_runtime().enter("enqueue_open"))
        return error;
    check_target(*stream, open.orders, open.count * sizeof(*open.orders));
    const std::size_t sums = std::size_t{open.count} * blocks_per_piece_max;
    check_target(*stream, open.sums, sums * sizeof(*open.sums));
    check_target(*stream, open.fits, open.count * sizeof(*open.fits));
    {
        const std::lock_guard lock(fake_runtime().mutex);
        std::size_t& bytes = fake_runtime().orders[reinterpret_cast<const std::byte*>(open.orders)];
        bytes = std::max(bytes, open.count * sizeof(*open.orders));
    }
    stream->enqueue([stream, open] {
        if (work_fails())
            return;
        for (std::uint32_t i = 0; i < open.count; ++i) {
            check_target(*stream, open.orders[i].data, open.orders[i].bytes);
            if (open.orders[i].bytes > open.longest)
                std::abort();
            open.fits[i] = open_on_host(open.orders[i], 32) ? 1 : 0;
        }
    });
    return cudaSuccess;
}

} // namespace tz::cuda
