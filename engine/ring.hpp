// io_uring on an io_context: reads and writes are plain asynchronous operations of Asio. The ring's
// own descriptor is polled by the context, and only while operations are in flight, so that run()
// can end. One thread uses a Ring: the one that runs its context.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct iovec;

namespace tz {

/// What the kernel grants, found by making a real ring and probing each operation we use.
struct RingFacts {
    bool usable = false;
    std::string reason;                ///< why not, in words a user can act on
    std::vector<std::string> features; ///< names of the features found, for `tz info`
};

RingFacts ring_facts();

class Ring {
public:
    /// Throws `boost::system::system_error` where the kernel refuses. `buffers` is the number of
    /// buffers that may be registered later.
    Ring(asio::io_context& context, unsigned entries, unsigned buffers);
    /// Nothing may be in flight.
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// Pins `memory` under `index`; false where the kernel refuses (RLIMIT_MEMLOCK): reads then go
    /// without. The memory outlives the ring.
    bool register_buffer(unsigned index, std::span<std::byte> memory);

    /// Reads up to `to.size()` bytes at `offset`; completes with the bytes read, 0 at the end of
    /// the file. `index` names a registered buffer that holds `to`, or is -1. `to` stays until
    /// completion.
    template <typename Token>
    auto read(int fd, std::span<std::byte> to, std::uint64_t offset, int index, Token&& token) {
        return asio::async_initiate<Token, Signature>(
            [this, fd, to, offset, index](auto handler) {
                start_read(std::move(handler), fd, to, offset, index);
            },
            token);
    }

    /// The same into several pieces of memory; `to` and what it points at stay until completion.
    template <typename Token>
    auto readv(int fd, std::span<const iovec> to, std::uint64_t offset, Token&& token) {
        return asio::async_initiate<Token, Signature>(
            [this, fd, to, offset](auto handler) {
                start_readv(std::move(handler), fd, to, offset);
            },
            token);
    }

    /// Writes up to `from.size()` bytes at `offset`; completes with the bytes written. `from` stays
    /// until completion.
    template <typename Token>
    auto write(int fd, std::span<const std::byte> from, std::uint64_t offset, Token&& token) {
        return asio::async_initiate<Token, Signature>(
            [this, fd, from, offset](auto handler) {
                start_write(std::move(handler), fd, from, offset);
            },
            token);
    }

private:
    using Signature = void(error_code, std::size_t);
    using Handler = asio::any_completion_handler<Signature>;
    struct Operation;
    struct State;

    void
    start_read(Handler handler, int fd, std::span<std::byte> to, std::uint64_t offset, int index);
    void start_readv(Handler handler, int fd, std::span<const iovec> to, std::uint64_t offset);
    void
    start_write(Handler handler, int fd, std::span<const std::byte> from, std::uint64_t offset);

    std::unique_ptr<State> state_;
};

} // namespace tz
