#include "http_session.hpp"
#include <tz/tests/support/http_server.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <list>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace tz::test {

namespace {

constexpr int backlog = 1024;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// Closes it.
class Socket {
public:
    Socket() = default;

    explicit Socket(int fd) : fd_(fd) {}

    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    ~Socket() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int fd() const { return fd_; }

private:
    int fd_ = -1;
};

struct Address {
    sockaddr_storage data{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&data); }
};

Address address_of(const std::string& text, std::uint16_t port) {
    Address address;
    auto* const four = reinterpret_cast<sockaddr_in*>(&address.data);
    auto* const six = reinterpret_cast<sockaddr_in6*>(&address.data);
    if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        address.size = sizeof *four;
    } else if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        address.size = sizeof *six;
    } else {
        throw std::invalid_argument("no IP address: " + text);
    }
    return address;
}

Socket tcp_socket(const Address& address) {
    Socket made(::socket(address.data.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (made.fd() < 0)
        fail("socket");
    return made;
}

Socket bound(const Address& address) {
    Socket made = tcp_socket(address);
    const int on = 1;
    ::setsockopt(made.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(made.fd(), address.get(), address.size) != 0)
        fail("bind");
    return made;
}

std::uint16_t port_of(const Socket& socket) {
    Address address;
    address.size = sizeof address.data;
    if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address.data), &address.size) != 0)
        fail("getsockname");
    // at the same place for both kinds of address
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.data)->sin_port);
}

bool connects(const Socket& socket, const Address& address) {
    if (::connect(socket.fd(), address.get(), address.size) == 0)
        return true;
    pollfd one{socket.fd(), POLLOUT, 0};
    return ::poll(&one, 1, 100) > 0 && (one.revents & POLLERR) == 0;
}

// OpenSSL writes without MSG_NOSIGNAL.
void block_broken_pipes() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

struct Connection {
    Stop stop;
    std::atomic<bool> ended = false;
    std::thread thread;
};

} // namespace

/// The sockets are of the thread that calls the server; `accept_loop` has a thread of its own.
struct HttpServer::State {
    explicit State(HttpServerOptions options)
        : script(std::move(options)),
          holder(bound(address_of(script.options.address, 0))),
          port(port_of(holder)),
          address(address_of(script.options.address, port)) {}

    void listen() {
        listener = bound(address);
        if (::listen(listener.fd(), backlog) != 0)
            fail("listen");
    }

    void start() {
        stop = std::make_unique<Stop>();
        acceptor = std::thread([this] { accept_loop(*stop); });
    }

    void halt() {
        if (!acceptor.joinable())
            return;
        stop->set();
        acceptor.join();
    }

    void accept_loop(const Stop& until) {
        block_broken_pipes();
        const auto most = script.options.connections_max;
        for (;;) {
            const bool full = open >= most && !script.options.refuse_more;
            pollfd both[] = {{until.fd(), POLLIN, 0}, {listener.fd(), POLLIN, 0}};
            // while it is full it looks every other millisecond whether it still is
            ::poll(both, full ? 1 : 2, full ? 2 : -1);
            if (both[0].revents != 0)
                return;
            if (full || both[1].revents == 0)
                continue;
            const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                admit(fd);
        }
    }

    void admit(int fd) {
        if (open >= script.options.connections_max) {
            const linger none{1, 0};
            ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
            ::close(fd);
            return;
        }
        const std::lock_guard lock(mutex);
        std::erase_if(connections, [](Connection& one) {
            const bool ended = one.ended; // it may end between two looks
            if (ended)
                one.thread.join();
            return ended;
        });
        open_most = std::max<std::uint64_t>(open_most, ++open);
        Connection& one = connections.emplace_back();
        one.thread = std::thread([this, &one, fd, number = connections_count++] {
            serve(script, one.stop, fd, number);
            --open;
            one.ended = true;
        });
    }

    void drop() {
        const std::lock_guard lock(mutex);
        for (Connection& one : connections)
            one.stop.set();
        for (Connection& one : connections)
            one.thread.join();
        connections.clear();
    }

    Script script;
    const Socket holder; ///< never listens: keeps the port ours while nobody else does
    const std::uint16_t port;
    const Address address;
    std::mutex control; ///< of the four that follow
    Socket listener;
    std::unique_ptr<Stop> stop;
    std::thread acceptor;
    std::vector<Socket> fillers;

    std::atomic<std::uint64_t> open = 0;
    mutable std::mutex mutex; ///< of what follows
    std::uint64_t open_most = 0;
    std::uint64_t connections_count = 0;
    std::list<Connection> connections;
};

HttpServer::HttpServer(HttpServerOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
    state_->listen();
    state_->start();
}

HttpServer::~HttpServer() {
    state_->halt();
    state_->drop();
}

std::uint16_t HttpServer::port() const {
    return state_->port;
}

std::string HttpServer::url(const std::string& path, const std::string& host) const {
    const HttpServerOptions& options = state_->script.options;
    std::string name = host.empty() ? options.address : host;
    if (name.find(':') != std::string::npos)
        name = "[" + name + "]";
    return (options.tls ? "https://" : "http://") + name + ":" + std::to_string(port()) + path;
}

void HttpServer::put(const std::string& path, Object object) {
    state_->script.objects.put(path, std::move(object));
}

void HttpServer::remove(const std::string& path) {
    state_->script.objects.remove(path);
}

std::optional<Object> HttpServer::object(const std::string& path) const {
    return state_->script.objects.find(path);
}

void HttpServer::put_page(const std::string& path, Page page) {
    const std::lock_guard lock(state_->script.mutex);
    state_->script.pages.insert_or_assign(path, std::move(page));
}

void HttpServer::add(Rule rule) {
    const std::lock_guard lock(state_->script.mutex);
    state_->script.rules.push_back(std::move(rule));
    state_->script.rule_counts.push_back(0);
}

void HttpServer::add(ConnectionRule rule) {
    const std::lock_guard lock(state_->script.mutex);
    state_->script.connection_rules.push_back(std::move(rule));
}

void HttpServer::clear_rules() {
    const std::lock_guard lock(state_->script.mutex);
    state_->script.rules.clear();
    state_->script.rule_counts.clear();
    state_->script.connection_rules.clear();
}

std::vector<Request> HttpServer::requests() const {
    const std::lock_guard lock(state_->script.mutex);
    return state_->script.requests;
}

ServerCounts HttpServer::counts() const {
    ServerCounts counts;
    counts.open = state_->open;
    counts.bytes_sent = state_->script.bytes_sent;
    {
        const std::lock_guard lock(state_->script.mutex);
        counts.requests = state_->script.requests_count;
    }
    const std::lock_guard lock(state_->mutex);
    counts.connections = state_->connections_count;
    counts.open_most = state_->open_most;
    return counts;
}

void HttpServer::refuse() {
    const std::lock_guard lock(state_->control);
    state_->halt();
    state_->fillers.clear();
    Socket closed = std::move(state_->listener);
}

void HttpServer::fill_backlog() {
    const std::lock_guard lock(state_->control);
    state_->halt();
    if (state_->listener.fd() < 0)
        state_->listen();
    ::listen(state_->listener.fd(), 0);
    // room for one, or two: the first that does not get through shows that it is full
    constexpr std::size_t fillers_max = 64;
    bool full = false;
    while (!full && state_->fillers.size() < fillers_max) {
        Socket filler = tcp_socket(state_->address);
        full = !connects(filler, state_->address);
        if (!full)
            state_->fillers.push_back(std::move(filler));
    }
}

void HttpServer::accept_again() {
    const std::lock_guard lock(state_->control);
    state_->halt();
    // those that filled the backlog are the first in it, and no connections of a client
    for (std::size_t i = 0; i < state_->fillers.size(); ++i) {
        const Socket unwanted(::accept4(state_->listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    state_->fillers.clear();
    if (state_->listener.fd() < 0)
        state_->listen();
    ::listen(state_->listener.fd(), backlog);
    state_->start();
}

void HttpServer::drop_connections() {
    state_->drop();
}

} // namespace tz::test
