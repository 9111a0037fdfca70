// One connection of the test server: a socket, plain or TLS, that one thread reads and writes, that
// ends at once when the server stops, and that can be closed in every way there is.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

namespace tz::test {

/// Set once, it wakes every thread that waits for it. Any thread.
class Stop {
public:
    Stop();
    ~Stop();
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

    void set();
    bool is_set() const;

    int fd() const { return fd_; } ///< readable when it is set

private:
    const int fd_;
};

/// So many bytes a second, over all connections that share it. Any thread.
class RateLimit {
public:
    /// 0: no limit.
    explicit RateLimit(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

    /// When these bytes are through.
    std::chrono::steady_clock::time_point take(std::size_t bytes);

    /// No more than this at once, so that it flows.
    std::size_t bytes_max() const;

private:
    const std::uint64_t rate_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point free_at_{};
};

class Wire {
public:
    enum class Close {
        properly,  ///< over TLS with close_notify, then FIN
        truncated, ///< FIN
        reset,     ///< RST, when all that was written has left
    };

    struct Shared {
        const Stop& stop;
        RateLimit& total;
        std::atomic<std::uint64_t>& bytes_sent; ///< of heads and bodies
    };

    /// Owns the socket, which does not block.
    Wire(int socket, Shared shared, std::uint64_t bytes_per_second);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // All of these give false, or nothing, once the client is gone or the server stops.
    bool handshake(SSL_CTX* context);
    /// Past TLS, whatever the connection is.
    std::size_t read_raw(std::span<char> to, std::chrono::milliseconds longest);
    bool write_raw(std::string_view text);
    std::size_t read(std::span<char> to, std::chrono::milliseconds longest);
    bool write(std::span<const std::byte> bytes);
    bool write(std::string_view text);
    /// Without a time until the client goes.
    bool pause(std::optional<std::chrono::milliseconds> time);
    bool renegotiate();
    /// Carries bytes both ways, until both sides have ended or one is broken.
    void relay(Wire& other);

    /// Without effect on a connection that is closed.
    void close(Close how);

private:
    bool wait(short events, std::chrono::steady_clock::time_point until);
    bool retry(int result, std::chrono::steady_clock::time_point until);
    /// What is written: at least 1, or 0 if it can't be.
    std::size_t write_some(std::span<const std::byte> bytes);
    /// False at the end of what comes from this side.
    bool pass_on(Wire& other);
    void await_empty_queue();
    void await_end();

    int socket_;
    const Shared shared_;
    RateLimit limit_;
    SSL* ssl_ = nullptr;
};

} // namespace tz::test
