#include <tz/protocols/wire.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace tz {

using asio::ip::tcp;

namespace {

constexpr std::size_t pieces_max = 64; // of one recvmsg

// What is written between two looks at whether the other side has said something.
constexpr std::size_t send_step = 256 << 10;

/// Keeps the kernel from buffering megabytes: what has been taken is then nearly what has gone out,
/// so that a stall shows, and the time for the answer begins when the request has gone.
void limit_unsent(int socket) {
    const int unsent_max = send_step;
    (void)::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);
}

} // namespace

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
        low_water_.expect(socket_.native_handle(), 0);
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
    std::size_t total = 0;
    for (const std::span<std::byte> part : to)
        total += part.size();
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
        pieces_.clear();
        piece_ = 0;
        for (const std::span<std::byte> part : to)
            if (!part.empty())
                pieces_.push_back({part.data(), part.size()});
        co_await read_plain(total, received);
    }
    if (received - before < total && watch_.expired())
        fail_expired();
}

/// Fills `pieces_`. Not by Asio's async_read: after a read that took less than it could, that one
/// tries again at once, in vain, and it wakes up for each packet.
awaitable<void> Wire::read_plain(std::size_t total, std::uint64_t& received) {
    std::size_t burst = 0;
    while (total > 0) {
        const Received got = receive();
        if (got.ended)
            break;
        received += got.bytes;
        total -= got.bytes;
        burst += got.bytes;
        if (total > 0 && got.drained) {
            burst = 0;
            low_water_.expect(socket_.native_handle(), total);
            auto [ec] =
                co_await socket_.async_wait(tcp::socket::wait_read, asio::as_tuple(use_awaitable));
            if (ec)
                fail(ec);
        } else if (burst >= burst_max) {
            burst = 0;
            co_await asio::post(socket_.get_executor(), use_awaitable);
        }
    }
}

Wire::Received Wire::receive() {
    msghdr message{};
    message.msg_iov = &pieces_[piece_];
    message.msg_iovlen = std::min(pieces_.size() - piece_, pieces_max);
    std::size_t room = 0;
    for (std::size_t i = 0; i < message.msg_iovlen; ++i)
        room += message.msg_iov[i].iov_len;
    ssize_t n = 0;
    do
        n = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        fail(error_code(errno, boost::system::system_category()));
    if (n <= 0)
        return {0, true, n == 0};
    auto left = static_cast<std::size_t>(n);
    while (left > 0 && left >= pieces_[piece_].iov_len)
        left -= pieces_[piece_++].iov_len;
    if (left > 0) {
        pieces_[piece_].iov_base = static_cast<std::byte*>(pieces_[piece_].iov_base) + left;
        pieces_[piece_].iov_len -= left;
    }
    return {static_cast<std::size_t>(n), static_cast<std::size_t>(n) < room, false};
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

awaitable<bool> Wire::send(std::span<const std::byte> bytes, std::uint64_t& sent) {
    limit_unsent(socket_.native_handle());
    std::size_t burst = 0;
    std::size_t unseen = send_step; // written since the last look
    while (!bytes.empty()) {
        if (watch_.expired())
            fail_expired();
        if (unseen >= send_step && !idle())
            co_return false;
        unseen = unseen >= send_step ? 0 : unseen;
        const std::size_t n = co_await send_some(bytes.first(std::min(bytes.size(), send_step)));
        if (n == 0) { // broken: what was said before that is still to be read
            if (watch_.expired())
                fail_expired();
            co_return false;
        }
        sent += n;
        unseen += n;
        bytes = bytes.subspan(n);
        burst += n;
        if (burst >= burst_max) {
            burst = 0;
            co_await asio::post(socket_.get_executor(), use_awaitable);
        }
    }
    co_return true;
}

/// Waits until something can be written; 0 where the connection broke.
awaitable<std::size_t> Wire::send_some(std::span<const std::byte> bytes) {
    if (tls_) {
        std::size_t n = 0;
        try {
            n = co_await tls_->write_some(
                {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        } catch (const TransportError&) {
            if (watch_.expired())
                fail_expired();
        }
        co_return n;
    }
    for (;;) {
        const ssize_t n = ::send(
            socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            co_return static_cast<std::size_t>(n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            co_return 0;
        auto [ec] =
            co_await socket_.async_wait(tcp::socket::wait_write, asio::as_tuple(use_awaitable));
        if (ec)
            fail(ec);
    }
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
