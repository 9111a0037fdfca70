#include <tz/protocols/wire.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace tz {

using asio::ip::tcp;

Wire::Wire(tcp::socket socket, std::string name)
    : socket_(std::move(socket)),
      name_(std::move(name)),
      watch_(socket_) {}

Wire::~Wire() {
    close();
}

void Wire::fail_expired() const {
    TransportFault fault;
    fault.cause = watch_.expired().value_or(TransportCause::timed_out);
    throw TransportError(
        fault, printable(name_) + ": " + watch_.reason(), "check the network and the server");
}

void Wire::fail(error_code ec) const {
    if (watch_.expired())
        fail_expired();
    if (ec == asio::error::operation_aborted)
        throw boost::system::system_error(ec);
    TransportFault fault;
    fault.cause = ec == asio::error::timed_out ? TransportCause::timed_out : TransportCause::reset;
    throw TransportError(
        fault,
        "the connection with " + printable(name_) + " broke: " + system_message(ec.value()),
        "check the network and the server");
}

void Wire::fail(const TransportError& error) const {
    if (watch_.expired())
        fail_expired();
    throw TransportError(error);
}

awaitable<void> Wire::start_tls(TlsContext& context, std::string host, std::uint16_t port) {
    tls_.emplace(socket_, context, std::move(host), port);
    try {
        co_await tls_->handshake();
    } catch (const TransportError& error) {
        fail(error);
    }
}

awaitable<std::size_t> Wire::read_some(std::span<std::byte> to) {
    std::size_t n = 0;
    if (tls_) {
        try {
            std::uint64_t received = 0;
            n = co_await tls_->read(to, 1, received);
        } catch (const TransportError& error) {
            fail(error);
        }
    } else {
        const auto buffer = asio::buffer(to.data(), to.size());
        auto [ec, got] = co_await socket_.async_read_some(buffer, asio::as_tuple(use_awaitable));
        if (ec && ec != asio::error::eof)
            fail(ec);
        n = got;
    }
    if (n == 0 && watch_.expired())
        fail_expired();
    co_return n;
}

awaitable<void> Wire::read(std::span<const std::span<std::byte>> to, std::uint64_t& received) {
    pieces_.clear();
    std::size_t total = 0;
    for (const std::span<std::byte> part : to) {
        pieces_.emplace_back(part.data(), part.size());
        total += part.size();
    }
    const std::uint64_t before = received;
    if (tls_) {
        try {
            for (const std::span<std::byte> part : to)
                if (co_await tls_->read(part, part.size(), received) < part.size())
                    break;
        } catch (const TransportError& error) {
            fail(error);
        }
    } else {
        // Instead of Asio's own condition, which reads no more than 64 KiB at a time. It is not
        // asked after the last piece.
        const auto whole = [&received, before, total](error_code ec, std::size_t n) {
            received = before + n;
            return ec ? 0 : total - n;
        };
        const std::span<const asio::mutable_buffer> pieces(pieces_);
        auto [ec, n] =
            co_await asio::async_read(socket_, pieces, whole, asio::as_tuple(use_awaitable));
        received = before + n;
        if (ec && ec != asio::error::eof)
            fail(ec);
    }
    if (received - before < total && watch_.expired())
        fail_expired();
}

awaitable<void> Wire::write(std::string_view bytes) {
    if (tls_) {
        try {
            co_await tls_->write(bytes);
        } catch (const TransportError& error) {
            fail(error);
        }
        co_return;
    }
    const auto buffer = asio::buffer(bytes);
    auto [ec, n] = co_await asio::async_write(socket_, buffer, asio::as_tuple(use_awaitable));
    if (ec)
        fail(ec);
}

bool Wire::idle() {
    if (!socket_.is_open() || watch_.expired())
        return false;
    if (tls_)
        return tls_->idle();
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

void Wire::close() noexcept {
    if (!socket_.is_open())
        return;
    if (tls_ && !watch_.expired())
        tls_->shutdown();
    error_code ignored;
    socket_.close(ignored); // operations on it end with operation_aborted
}

} // namespace tz
