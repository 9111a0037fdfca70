// TLS over a TCP socket, made for large bodies: one recv of up to 256 KiB of ciphertext at a time,
// decrypted straight into the caller's memory.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/tls.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tz {

/// On its loop's thread; one operation at a time. Context and socket outlive it. Stays where it is,
/// since OpenSSL points at it. Operations throw `TransportError` (tls, certificate, reset,
/// closed_early), without stage, and operation_aborted when they are cancelled.
class TlsStream {
public:
    TlsStream(
        asio::ip::tcp::socket& socket, TlsContext& context, std::string host, std::uint16_t port);
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    awaitable<void> handshake();

    /// At least `need` bytes of `to`, and all that are at hand. Fewer only where the other side has
    /// ended properly; a bare end of the connection is an error. Adds to `received` as bytes come.
    awaitable<std::size_t> read(std::span<std::byte> to, std::size_t need, std::uint64_t& received);
    awaitable<void> write(std::string_view bytes);
    /// As many of `bytes`, which are some, as fit a record.
    awaitable<std::size_t> write_some(std::string_view bytes);

    /// Nothing to read, and not ended. Does not wait.
    bool idle();
    /// Says the end, if that does not block. Before the socket is closed.
    void shutdown() noexcept;

    bool resumed() const;

private:
    struct State;

    std::unique_ptr<State> state_;
};

} // namespace tz
