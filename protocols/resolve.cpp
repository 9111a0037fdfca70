#include <tz/engine/cleared_slot.hpp>
#include <tz/engine/gate.hpp>
#include <tz/engine/signals.hpp>
#include <tz/engine/start_thread.hpp>
#include <tz/protocols/resolve.hpp>
#include <tz/protocols/transport_error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <new>
#include <sys/socket.h>

namespace tz {

namespace {

using asio::ip::address;

// As many name servers at once that do not answer: a load knows a handful of hosts.
constexpr std::size_t lookups_max = 64;
// More than any name sensibly has.
constexpr std::size_t addresses_max = 256;

/// Written by its thread until `done` is 1, read by the others after.
struct Lookup {
    Gate done;
    int error = 0; ///< of getaddrinfo
    int system = 0;
    std::vector<address> addresses;
};

void look_up(const std::string& host, Lookup& lookup) try {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    lookup.error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    lookup.system = errno;
    if (lookup.error != 0)
        return;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    for (const addrinfo* i = found; i && lookup.addresses.size() < addresses_max; i = i->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if ((i->ai_family != AF_INET && i->ai_family != AF_INET6) ||
            i->ai_addrlen > endpoint.capacity())
            continue;
        std::memcpy(endpoint.data(), i->ai_addr, i->ai_addrlen);
        lookup.addresses.push_back(endpoint.address());
    }
} catch (const std::bad_alloc&) {

    lookup.error = EAI_MEMORY;
}

/// The look-ups that are running. Never destroyed, since their threads may outlive main().
class Lookups {
public:
    static Lookups& instance() {
        static Lookups& lookups = *new Lookups;
        return lookups;
    }

    std::shared_ptr<Lookup> join(const std::string& host) {
        const std::lock_guard lock(mutex_);
        if (const auto found = running_.find(host); found != running_.end())
            return found->second;
        if (running_.size() >= lookups_max)
            throw TransportError(
                {TransportStage::resolve, TransportCause::no_dns},
                "cannot look up " + printable(host) + ": " + std::to_string(lookups_max) +
                    " other names are waited for",
                "check the name servers in /etc/resolv.conf");
        auto lookup = std::make_shared<Lookup>();
        const SignalBlock block;
        const auto body = [this, host, lookup] { run(host, lookup); };
        start_thread(body, "to look up " + printable(host)).detach();
        running_.emplace(host, lookup);
        return lookup;
    }

private:
    void run(const std::string& host, const std::shared_ptr<Lookup>& lookup) {
        look_up(host, *lookup);
        {
            const std::lock_guard lock(mutex_);
            running_.erase(host);
        }
        lookup->done.advance(1);
    }

    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Lookup>> running_;
};

[[noreturn]] void fail(const std::string& host, TransportCause cause, const std::string& why) {
    throw TransportError(
        {TransportStage::resolve, cause},
        "cannot look up " + printable(host) + ": " + why,
        cause == TransportCause::unknown_host ? "check the host's name"
                                              : "check the name servers in /etc/resolv.conf");
}

void check(const std::string& host, const Lookup& lookup) {
    switch (lookup.error) {
    case 0:
        if (lookup.addresses.empty())
            fail(host, TransportCause::unknown_host, "no address");
        return;
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        fail(host, TransportCause::unknown_host, "no such host");
    case EAI_MEMORY:
        throw std::bad_alloc();
    case EAI_SYSTEM:
        fail(host, TransportCause::no_dns, system_message(lookup.system));
    default:
        fail(host, TransportCause::no_dns, ::gai_strerror(lookup.error));
    }
}

/// Wakes one coroutine when a Gate opens. Shared with the Gate, which may call when the coroutine
/// has long gone.
struct Bell {
    explicit Bell(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    asio::cancellation_signal stop;
};

/// Takes the bell out of the Gate, so that it does not keep the loop running.
struct StopRinging {
    Bell& bell;

    ~StopRinging() { bell.stop.emit(asio::cancellation_type::terminal); }
};

/// Ends when `gate` is open or `deadline` has come; not a parallel group, since a coroutine that is
/// spawned for one must not be cancelled before its first step (CONTRIBUTING, Traps 4).
awaitable<void> open_or_late(Gate& gate, std::chrono::steady_clock::time_point deadline) {
    const auto executor = co_await asio::this_coro::executor;
    auto bell = std::make_shared<Bell>(executor);
    bell->timer.expires_at(deadline);
    auto ring = [bell](error_code) { bell->timer.cancel(); };
    auto on_loop = asio::bind_executor(executor, std::move(ring));
    gate.reached(1, asio::bind_cancellation_slot(bell->stop.slot(), std::move(on_loop)));
    const StopRinging stop{*bell};
    const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
    co_await bell->timer.async_wait(asio::as_tuple(use_awaitable));
}

} // namespace

awaitable<std::vector<address>>
resolve_host(std::string host, std::chrono::steady_clock::time_point deadline) {
    error_code not_numeric;
    const address numeric = asio::ip::make_address(host, not_numeric);
    std::vector<address> addresses;
    if (!not_numeric) {
        addresses.push_back(numeric);
        co_return addresses;
    }
    const std::shared_ptr<Lookup> lookup = Lookups::instance().join(host);
    co_await open_or_late(lookup->done, deadline);
    if (lookup->done.value() == 0) {
        if (std::chrono::steady_clock::now() < deadline)
            throw boost::system::system_error(asio::error::operation_aborted);
        fail(host, TransportCause::timed_out, "no answer from the name service in time");
    }
    check(host, *lookup);
    addresses = lookup->addresses;
    co_return addresses;
}

} // namespace tz
