// A server on loopback whose every byte is the test's own, over TCP or TLS.
#pragma once

#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <pthread.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tz::test {

/// One connection, seen from the server.
class RawPeer {
public:
    RawPeer(int file, SSL* ssl, int index) : file_(file), ssl_(ssl), index_(index) {}

    int index() const { return index_; }

    SSL* ssl() const { return ssl_; }

    int file() const { return file_; }

    /// The next head, up to its empty line; "" at the end.
    std::string request() {
        std::string text;
        char byte = 0;
        while (!text.ends_with("\r\n\r\n")) {
            if (read(&byte, 1) != 1)
                return {};
            text += byte;
        }
        return text;
    }

    long read(char* to, std::size_t size) {
        return ssl_ ? ::SSL_read(ssl_, to, static_cast<int>(size)) : ::recv(file_, to, size, 0);
    }

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const long n = ssl_ ? ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                : ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0)
                return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    /// Says the end properly.
    void end() {
        if (ssl_)
            ::SSL_shutdown(ssl_);
        ::shutdown(file_, SHUT_WR);
    }

    /// Only the connection's end, whatever TLS says.
    void cut() { ::shutdown(file_, SHUT_WR); }

    /// The connection breaks when this returns.
    void reset() {
        const linger now{1, 0};
        ::setsockopt(file_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

    /// Waits until the other side has gone.
    void drain() {
        char bytes[4096];
        while (::recv(file_, bytes, sizeof bytes, 0) > 0)
            ;
    }

private:
    int file_;
    SSL* ssl_;
    int index_;
};

/// Each connection has a thread that runs `talk` and then closes it; with TLS, after the handshake.
class RawServer {
public:
    using Talk = std::function<void(RawPeer&)>;

    explicit RawServer(
        Talk talk, std::shared_ptr<SSL_CTX> tls = nullptr, const char* address = "127.0.0.1")
        : talk_(std::move(talk)),
          tls_(std::move(tls)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        ::inet_pton(AF_INET, address, &at.sin_addr);
        (void)::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
        (void)::listen(listener_, 128);
        socklen_t size = sizeof at;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { accept(); });
    }

    ~RawServer() {
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        {
            const std::lock_guard lock(mutex_);
            for (const int file : open_)
                ::shutdown(file, SHUT_RDWR);
        }
        for (std::thread& thread : threads_)
            thread.join();
        ::close(listener_);
    }

    std::uint16_t port() const { return port_; }

    int connections() const { return connections_; }

    /// Handshakes that resumed a session.
    int resumptions() const { return resumptions_; }

private:
    void accept() {
        for (;;) {
            const int file = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (file < 0 || stopping_) {
                if (file >= 0)
                    ::close(file);
                return;
            }
            const std::lock_guard lock(mutex_);
            open_.push_back(file);
            threads_.emplace_back([this, file, index = connections_++] { serve(file, index); });
        }
    }

    void serve(int file, int index) {
        sigset_t pipe; // OpenSSL writes without MSG_NOSIGNAL
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        SSL* ssl = nullptr;
        bool ready = true;
        if (tls_) {
            ssl = ::SSL_new(tls_.get());
            ::SSL_set_fd(ssl, file);
            ready = ::SSL_accept(ssl) == 1;
            resumptions_ += ready && ::SSL_session_reused(ssl);
            if (!ready) { // let the alert arrive, where closing at once would be a reset
                ::shutdown(file, SHUT_WR);
                RawPeer(file, nullptr, index).drain();
            }
        }
        RawPeer peer(file, ssl, index);
        if (ready)
            talk_(peer);
        ::SSL_free(ssl);
        const std::lock_guard lock(mutex_);
        std::erase(open_, file);
        ::close(file);
    }

    Talk talk_;
    std::shared_ptr<SSL_CTX> tls_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> connections_ = 0;
    std::atomic<int> resumptions_ = 0;
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> threads_; ///< of the accepting thread until that is joined
    std::thread thread_;
};

/// Catches a T and returns it; null where nothing or something else was thrown.
template <typename T, typename Body>
std::shared_ptr<T> caught(Body body) {
    try {
        body();
    } catch (const T& error) {
        return std::make_shared<T>(error);
    }
    return nullptr;
}

} // namespace tz::test
