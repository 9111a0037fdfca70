#include <tz/tests/support/http_wire.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace tz::test {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Nothing waits longer, so that no fault of a test lets it hang.
constexpr std::chrono::minutes wait_max{10};
// How long a closing connection waits for its client: also that which never reads.
constexpr milliseconds linger_max{1000};

int made_event() {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

int millis_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, INT_MAX));
}

} // namespace

Stop::Stop() : fd_(made_event()) {}

Stop::~Stop() {
    ::close(fd_);
}

void Stop::set() {
    ::eventfd_write(fd_, 1);
}

bool Stop::is_set() const {
    pollfd one{fd_, POLLIN, 0};
    return ::poll(&one, 1, 0) > 0;
}

Clock::time_point RateLimit::take(std::size_t bytes) {
    const auto now = Clock::now();
    if (rate_ == 0)
        return now;
    const std::lock_guard lock(mutex_);
    const std::chrono::duration<double> needed(
        static_cast<double>(bytes) / static_cast<double>(rate_));
    free_at_ = std::max(free_at_, now) + std::chrono::duration_cast<Clock::duration>(needed);
    return free_at_;
}

std::size_t RateLimit::bytes_max() const {
    return rate_ == 0 ? SIZE_MAX : std::max<std::size_t>(rate_ / 50, 1);
}

Wire::Wire(int socket, Shared shared, std::uint64_t bytes_per_second)
    : socket_(socket),
      shared_(shared),
      limit_(bytes_per_second) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Wire::~Wire() {
    close(Close::truncated);
    SSL_free(ssl_);
}

bool Wire::wait(short events, Clock::time_point until) {
    for (;;) {
        pollfd both[] = {{shared_.stop.fd(), POLLIN, 0}, {socket_, events, 0}};
        const int ready = ::poll(both, 2, millis_until(until));
        if (ready < 0 && errno == EINTR)
            continue;
        return ready > 0 && both[0].revents == 0;
    }
}

// After a call of OpenSSL that gave `result`: is it worth another, and when?
bool Wire::retry(int result, Clock::time_point until) {
    const int error = SSL_get_error(ssl_, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ)
        return wait(POLLIN, until);
    return error == SSL_ERROR_WANT_WRITE && wait(POLLOUT, until);
}

bool Wire::handshake(SSL_CTX* context) {
    ssl_ = SSL_new(context);
    if (ssl_ == nullptr || SSL_set_fd(ssl_, socket_) != 1)
        return false;
    const auto until = Clock::now() + wait_max;
    for (;;) {
        const int result = SSL_accept(ssl_);
        if (result == 1)
            return true;
        if (!retry(result, until))
            return false;
    }
}

bool Wire::renegotiate() {
    if (ssl_ == nullptr)
        return true;
    const bool asked = SSL_version(ssl_) == TLS1_3_VERSION
                           ? SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1
                           : SSL_renegotiate(ssl_) == 1;
    return asked && SSL_do_handshake(ssl_) == 1;
}

std::size_t Wire::read_raw(std::span<char> to, milliseconds longest) {
    const auto until = Clock::now() + std::min<milliseconds>(longest, wait_max);
    while (socket_ >= 0 && wait(POLLIN, until)) {
        const ssize_t got = ::recv(socket_, to.data(), to.size(), 0);
        if (got >= 0)
            return static_cast<std::size_t>(got);
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return 0;
}

std::size_t Wire::read(std::span<char> to, milliseconds longest) {
    if (ssl_ == nullptr)
        return read_raw(to, longest);
    const auto until = Clock::now() + std::min<milliseconds>(longest, wait_max);
    while (socket_ >= 0) {
        const int got = SSL_read(ssl_, to.data(), static_cast<int>(to.size()));
        if (got > 0)
            return static_cast<std::size_t>(got);
        if (!retry(got, until))
            break;
    }
    return 0;
}

std::size_t Wire::write_some(std::span<const std::byte> bytes) {
    const auto until = Clock::now() + wait_max;
    while (socket_ >= 0 && ssl_ != nullptr) {
        const int put = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
        if (put > 0)
            return static_cast<std::size_t>(put);
        if (!retry(put, until))
            return 0;
    }
    while (socket_ >= 0 && wait(POLLOUT, until)) {
        const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put > 0)
            return static_cast<std::size_t>(put);
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    return 0;
}

bool Wire::write_raw(std::string_view text) {
    const ssize_t put = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    return put == static_cast<ssize_t>(text.size());
}

bool Wire::write(std::span<const std::byte> bytes) {
    const std::size_t most =
        std::min({limit_.bytes_max(), shared_.total.bytes_max(), std::size_t{256 << 10}});
    while (!bytes.empty()) {
        const std::size_t put = write_some(bytes.first(std::min(bytes.size(), most)));
        if (put == 0)
            return false;
        shared_.bytes_sent += put;
        bytes = bytes.subspan(put);
        const auto until = std::max(limit_.take(put), shared_.total.take(put));
        if (const int left = millis_until(until); left > 0 && !pause(milliseconds(left)))
            return false;
    }
    return true;
}

bool Wire::write(std::string_view text) {
    return write(std::as_bytes(std::span(text)));
}

bool Wire::pause(std::optional<milliseconds> time) {
    const auto until = Clock::now() + (time ? *time : milliseconds(wait_max));
    if (socket_ < 0)
        return false;
    for (;;) {
        pollfd both[] = {{shared_.stop.fd(), POLLIN, 0}, {socket_, POLLRDHUP, 0}};
        const int ready = ::poll(both, 2, millis_until(until));
        if (ready < 0 && errno == EINTR)
            continue;
        return ready == 0 && time.has_value();
    }
}

bool Wire::pass_on(Wire& other) {
    std::byte bytes[16 << 10];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return true;
    if (got > 0 && other.write(std::span(bytes).first(static_cast<std::size_t>(got))))
        return true;
    ::shutdown(other.socket_, SHUT_WR);
    return false;
}

void Wire::relay(Wire& other) {
    bool here = true;
    bool there = true;
    while (here || there) {
        pollfd all[] = {
            {shared_.stop.fd(), POLLIN, 0},
            {here ? socket_ : -1, POLLIN, 0},
            {there ? other.socket_ : -1, POLLIN, 0},
        };
        if (::poll(all, 3, static_cast<int>(milliseconds(wait_max).count())) <= 0 ||
            all[0].revents != 0)
            return;
        if (all[1].revents != 0)
            here = pass_on(other);
        if (all[2].revents != 0)
            there = other.pass_on(*this);
    }
}

// So that a reset takes nothing back that was written before.
void Wire::await_empty_queue() {
    const auto until = Clock::now() + linger_max;
    int queued = 0;
    while (::ioctl(socket_, SIOCOUTQ, &queued) == 0 && queued > 0 && Clock::now() < until)
        if (!pause(milliseconds(1)))
            return;
}

// Closing a socket that holds unread bytes would send RST, so they are read first.
void Wire::await_end() {
    const auto until = Clock::now() + linger_max;
    char unread[4096];
    while (wait(POLLIN, until))
        if (::recv(socket_, unread, sizeof unread, 0) <= 0)
            return;
}

void Wire::close(Close how) {
    if (socket_ < 0)
        return;
    if (how == Close::reset) {
        await_empty_queue();
        const linger none{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    } else {
        if (how == Close::properly && ssl_ != nullptr && SSL_is_init_finished(ssl_))
            SSL_shutdown(ssl_);
        ERR_clear_error();
        ::shutdown(socket_, SHUT_WR);
        await_end();
    }
    ::close(socket_);
    socket_ = -1;
}

} // namespace tz::test
