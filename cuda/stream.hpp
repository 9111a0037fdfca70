// A stream of work for one device, and a wait for it that is an operation of Asio. One thread uses
// a Stream: the one that runs its context.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/handler_memory.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <span>
#include <utility>
#include <vector>

struct CUstream_st;
struct CUevent_st;

namespace tz::cuda {

struct OpenOrders;
class CopyTrack;

/// Work runs in the order in which it was enqueued, side by side with that of other streams.
class Stream {
public:
    /// Throws `DeviceError`, as all calls do. `track`, which may be null, is told of the copies to
    /// the device, and outlives this.
    Stream(asio::io_context& context, int device, CopyTrack* track = nullptr);
    /// Nothing may be waited for.
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Enqueues a copy. `from` stays as it is until a wait that begins later is over. Returns at
    /// once where `from` is pinned.
    void copy(std::byte* to, std::span<const std::byte> from);

    /// Enqueues a copy to memory of the host, which is pinned and is left alone likewise.
    void copy_back(std::span<std::byte> to, const std::byte* from);

    /// Enqueues the opening of sealed pieces: see open_pieces.hpp.
    void open(const OpenOrders& orders);

    /// Enqueues zeros.
    void clear(std::byte* to, std::uint64_t bytes);

    /// What is enqueued from now on comes after the event.
    void wait_for(CUevent_st* event);

    /// Completes when all that was enqueued is done, or has failed. Can't be cancelled: until then
    /// the device reads the memory.
    template <typename Token>
    auto done(Token&& token) {
        return asio::async_initiate<Token, Signature>(
            [this](auto handler) { this->start_wait(std::move(handler)); }, token);
    }

    /// Blocks until all that was enqueued is done, or has failed. For who has no memory to wait.
    void synchronize() noexcept;

    int device() const { return device_; }

private:
    using Signature = void(std::exception_ptr);
    using Handler = asio::any_completion_handler<Signature>;
    using Event = CUevent_st*;

    struct Waiting {
        explicit Waiting(Handler waiting) : handler(std::move(waiting)) {}

        Handler handler;
        Event event = nullptr;
        std::exception_ptr error{};
        HandlerMemory memory{};
    };

    /// Lists, so that those that are done go on without memory.
    using Waiters = std::list<Waiting>;

    void start_wait(Handler handler);
    Event take_event();
    void arm();
    void ask();
    Waiters take_ready();
    void end_copies();
    static void complete(asio::io_context& context, Waiters one);

    asio::io_context& context_;
    int device_;
    CopyTrack* track_;
    CUstream_st* stream_ = nullptr;
    asio::steady_timer timer_;
    HandlerMemory timer_memory_;
    bool armed_ = false;
    Waiters waiting_;         ///< in the order of the stream
    std::vector<Event> idle_; ///< events to use again; has room for all
    std::size_t events_ = 0;
};

} // namespace tz::cuda
