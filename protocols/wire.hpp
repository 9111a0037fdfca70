// Bytes to and from one server, over TCP or TLS alike, under the eyes of a Watch.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/low_water.hpp>
#include <tz/protocols/tls_stream.hpp>
#include <tz/protocols/watch.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <utility>
#include <vector>

namespace tz {

/// On its loop's thread; one operation at a time. Operations throw `TransportError`, without stage,
/// also where the watch ended them, and operation_aborted when they are cancelled.
class Wire {
public:
    /// `name` is the server's, for errors.
    Wire(asio::ip::tcp::socket socket, std::string name);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    awaitable<void> start_tls(TlsContext& context, std::string host, std::uint16_t port);

    /// At least one byte; 0 where the server has ended properly.
    awaitable<std::size_t> read_some(std::span<std::byte> to);
    /// Fills `to` in order and adds to `received` as bytes come; less only where the server has
    /// ended properly.
    awaitable<void> read(std::span<const std::span<std::byte>> to, std::uint64_t& received);
    awaitable<void> write(std::string_view bytes);
    /// Writes large things from where they lie, and adds to `sent` as they are taken. False, and
    /// the rest is not sent, where the other side has said something, or has gone: what comes next
    /// tells why.
    awaitable<bool> send(std::span<const std::byte> bytes, std::uint64_t& sent);

    /// Open, and nothing has come. Does not wait.
    bool idle();

    bool is_open() const { return socket_.is_open(); }

    bool resumed() const { return tls_ && tls_->resumed(); }

    /// Without waiting for anything.
    void close() noexcept;

    Watch& watch() { return watch_; }

    /// Who is at the other end now.
    void set_name(std::string name) { name_ = std::move(name); }

private:
    struct Received {
        std::size_t bytes = 0;
        bool drained = true; ///< the next one would find nothing
        bool ended = false;
    };

    awaitable<std::size_t> send_some(std::span<const std::byte> bytes);
    awaitable<void> read_plain(std::size_t total, std::uint64_t& received);
    /// What is there for `pieces_`, without waiting.
    Received receive();
    [[noreturn]] void fail(error_code ec) const;
    [[noreturn]] void fail_expired() const;
    /// The error behind an exception of TLS.
    [[noreturn]] void fail(const TransportError& error) const;

    asio::ip::tcp::socket socket_;
    std::string name_;
    Watch watch_;
    std::optional<TlsStream> tls_;
    LowWater low_water_;
    std::vector<iovec> pieces_; ///< of the read in flight, without what has come
    std::size_t piece_ = 0;     ///< the first of them that is not full
};

} // namespace tz
