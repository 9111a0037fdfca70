#include <tz/engine/file_calls.hpp>
#include <tz/protocols/aws_profile.hpp>
#include <tz/protocols/connection.hpp>
#include <tz/protocols/credentials.hpp>
#include <tz/protocols/descriptor.hpp>
#include <tz/protocols/real_surroundings.hpp>
#include <tz/protocols/transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tz {

namespace {

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

[[noreturn]] void unreadable(const std::string& path, errc kind, const std::string& why) {
    throw Error(
        kind,
        "the file " + printable(path) + " can't be read: " + why,
        {},
        kind == errc::denied ? "check its permissions" : "");
}

[[noreturn]] void unreadable(const std::string& path, int error) {
    unreadable(path, kind_of_errno(error), system_message(error));
}

std::optional<std::string> read_file(const std::string& path) {
    // a FIFO without a writer must not hold us up
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) {
        if (kind_of_errno(errno) == errc::not_found)
            return {};
        unreadable(path, errno);
    }
    struct stat facts{};
    if (::fstat(file.get(), &facts) == 0 && S_ISDIR(facts.st_mode))
        unreadable(path, errc::denied, "it is a folder");
    std::string text(ini_bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            unreadable(path, errno);
        if (n == 0)
            break;
        size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    return text;
}

struct Exchange {
    Peer peer;
    HttpRequest request;
    TransportOptions options;
    TlsContext* tls = nullptr;
    std::chrono::milliseconds timeout{};
    std::size_t body_max = 0;
    HttpReply reply;
};

awaitable<void> make(Exchange& exchange) {
    exchange.reply = co_await call(
        exchange.peer,
        exchange.request,
        exchange.options,
        exchange.tls,
        exchange.timeout,
        exchange.body_max);
}

/// Waits on the calling thread.
HttpAnswer ask(Transport& transport, const HttpCall& what) {
    Exchange exchange;
    exchange.peer = Peer(what.url);
    if (what.container_hosts_only)
        exchange.peer.allowed = [](std::string_view address) {
            return container_address(std::string(address));
        };
    else
        exchange.peer.proxy = transport.proxy(what.url);
    exchange.request.method = what.method;
    exchange.request.target = what.url.target();
    exchange.request.host = what.url.authority();
    for (const auto& [name, value] : what.headers)
        exchange.request.headers.push_back(HttpHeader{name, value});
    exchange.request.body = what.body;
    exchange.options = transport.options();
    exchange.timeout = what.timeout;
    exchange.body_max = what.answer_bytes_max;
    if (what.url.tls)
        exchange.tls = &transport.tls();
    asio::io_context context(1);
    std::exception_ptr failure;
    asio::co_spawn(context, make(exchange), [&failure](std::exception_ptr error) {
        failure = std::move(error);
    });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    HttpAnswer answer;
    answer.status = static_cast<int>(exchange.reply.head.status);
    answer.body = std::move(exchange.reply.body);
    return answer;
}

} // namespace

Surroundings real_surroundings(std::shared_ptr<Transport> transport) {
    Surroundings real;
    real.environment = environment;
    real.read_file = read_file;
    real.http = [transport = std::move(transport)](const HttpCall& call) {
        return ask(*transport, call);
    };
    real.now = [] { return std::chrono::system_clock::now(); };
    return real;
}

} // namespace tz
