#include <tz/engine/loop.hpp>
#include <tz/engine/signals.hpp>
#include <tz/engine/start_thread.hpp>

#include <boost/asio/execution/bad_executor.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <pthread.h>
#include <system_error>
#include <time.h>
#include <utility>

namespace tz {

namespace {

Error no_threads(const std::system_error& refusal) {
    return no_more_threads(refusal, ", or lower --workers and --concurrency");
}

/// A coroutine whose next step there is no memory for is given up by Asio: its Crew is told by the
/// end of its frames, and the others go on.
void run_to_the_end(asio::io_context& context) {
    for (;;)
        try {
            context.run();
            return;
        } catch (const std::bad_alloc&) {
            continue;
        } catch (const asio::execution::bad_executor&) { // the same: a copy that came out empty
            continue;
        }
}

std::unique_ptr<Workers> start_workers(unsigned threads) {
    try {
        return std::make_unique<Workers>(threads);
    } catch (const std::system_error& refusal) {
        throw no_threads(refusal);
    }
}

} // namespace

Pools::Pools(unsigned workers, unsigned readers, Log log)
    : compute_(start_workers(workers)),
      log_(std::move(log)),
      readers_(readers) {}

Workers& Pools::blocking() {
    std::call_once(once_, [this] { blocking_ = start_workers(readers_); });
    return *blocking_;
}

Loop::Loop(const Setup& setup, Pools& pools)
    : pools_(pools),
      arena_(setup.arena),
      pinned_(setup.arena != nullptr ? setup.arena->size() : 0, 0),
      registered_(pinned_.size(), -1),
      guard_(context_.get_executor()) {
    // A lane has one read in flight, and a cancellation of it: twice that never fills a queue.
    const unsigned entries = std::bit_ceil(2 * setup.lanes);
    if (setup.uring)
        ring_ = std::make_unique<Ring>(
            context_, entries, std::max(setup.lanes, static_cast<unsigned>(pinned_.size())));
    const SignalBlock block;
    try {
        thread_ = std::thread([this] { run_to_the_end(context_); });
    } catch (const std::system_error& refusal) {
        throw no_threads(refusal);
    }
}

Loop::~Loop() {
    guard_.reset();
    thread_.join();
}

std::span<std::byte> Loop::staging(std::size_t lane) const {
    const std::span<std::byte> first = arena_->bytes(lane * width_);
    return {first.data(), first.size() * width_};
}

void Loop::note_staging(std::size_t lane) {
    for (std::size_t i = 0; i < width_; ++i)
        arena_->set_touched(lane * width_ + i);
}

awaitable<Buffer> Loop::pinned_staging(std::size_t lane) {
    const std::span<std::byte> memory = staging(lane);
    if (width_ > 1) { // what likes large chunks rarely reads direct
        auto touch = [memory] { HostMemory::touch(memory); };
        co_await workers().run(std::move(touch));
        co_return Buffer{memory, -1, false};
    }
    if (!pinned_[lane]) {
        // Registering pins the pages; a worker makes them present first, since loops don't
        // page-fault.
        auto touch = [memory] { HostMemory::touch(memory); };
        co_await workers().run(std::move(touch));
        if (ring_ && ring_->register_buffer(static_cast<unsigned>(lane), memory))
            registered_[lane] = static_cast<int>(lane);
        else if (ring_ && !std::exchange(refusal_logged_, true))
            log(LogLevel::debug,
                "buffers are not registered (RLIMIT_MEMLOCK): reads cost a little more");
        pinned_[lane] = 1;
        arena_->set_pinned(lane);
    }
    co_return Buffer{memory, registered_[lane], false};
}

double Loop::cpu_seconds() const {
    clockid_t clock{};
    timespec time{};
    auto thread = const_cast<std::thread&>(thread_).native_handle();
    if (::pthread_getcpuclockid(thread, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

} // namespace tz
