// Memory that is set aside for the operations of Asio that must not fail: those that bring a
// completion back to its loop. Asio would take it when they start, from aligned_alloc.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cassert>
#include <cstddef>
#include <utility>

namespace tz {

/// For one operation at a time. Outlives it; the handler itself may end it, since Asio gives the
/// memory back before it calls. Any thread, one after the other.
class HandlerMemory {
public:
    HandlerMemory() = default;
    HandlerMemory(const HandlerMemory&) = delete;
    HandlerMemory& operator=(const HandlerMemory&) = delete;

    template <typename T>
    class Allocator {
    public:
        using value_type = T;

        explicit Allocator(HandlerMemory& memory) noexcept : memory_(&memory) {}

        template <typename U>
        explicit(false) Allocator(const Allocator<U>& other) noexcept : memory_(other.memory_) {}

        T* allocate([[maybe_unused]] std::size_t count) noexcept {
            static_assert(sizeof(T) <= bytes_max && alignof(T) <= alignof(std::max_align_t));
            assert(count == 1 && !memory_->taken_);
            memory_->taken_ = true;
            return reinterpret_cast<T*>(memory_->bytes_);
        }

        void deallocate(T* /*block*/, std::size_t /*count*/) noexcept { memory_->taken_ = false; }

        template <typename U>
        bool operator==(const Allocator<U>& other) const noexcept {
            return memory_ == other.memory_;
        }

    private:
        template <typename U>
        friend class Allocator;

        HandlerMemory* memory_;
    };

    /// `handler`, whose operation lies here. For waits of timers and descriptors, and for posts to
    /// an io_context's own executor: any_io_executor takes memory of its own for a post.
    template <typename Handler>
    auto bind(Handler handler) {
        return asio::bind_allocator(Allocator<void>(*this), std::move(handler));
    }

private:
    /// An operation that takes more does not compile.
    static constexpr std::size_t bytes_max = 192;

    alignas(std::max_align_t) std::byte bytes_[bytes_max];
    bool taken_ = false;
};

/// Where a handler runs that waits for another thread. Its context runs on until it was called.
class WayBack {
public:
    explicit WayBack(asio::any_io_executor executor)
        : executor_(std::move(executor)),
          work_(executor_) {}

    WayBack(const WayBack&) = delete;
    WayBack& operator=(const WayBack&) = delete;

    /// Posts `handler`, which may end this. Once. Takes no memory where the executor is that of an
    /// io_context, as that of any coroutine on a Loop; else it may throw std::bad_alloc.
    template <typename Handler>
    void post(Handler handler) {
        const auto work = std::move(work_); // until it is posted: this may be gone then
        if (const auto* context = executor_.target<asio::io_context::executor_type>())
            asio::post(*context, memory_.bind(std::move(handler)));
        else
            asio::post(executor_, std::move(handler));
    }

private:
    asio::any_io_executor executor_;
    asio::executor_work_guard<asio::any_io_executor> work_;
    HandlerMemory memory_;
};

} // namespace tz
