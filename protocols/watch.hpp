// The clock of one connection: it shuts the socket down when a step takes too long or bytes come
// too slowly, so that whoever waits for the socket wakes up, whatever it is waiting for.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/transport_error.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tz {

/// Belongs to the connection and its thread. Idle, it holds no timer that keeps a loop running.
class Watch {
public:
    using Clock = std::chrono::steady_clock;

    explicit Watch(asio::ip::tcp::socket& socket);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// No step of this connection may end later, nor one that is under way.
    void set_deadline(Clock::time_point deadline);

    /// Holds until the end of its scope.
    class [[nodiscard]] Guard {
    public:
        explicit Guard(Watch& watch) : watch_(watch) {}

        ~Guard() { watch_.disarm(); }

        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        Watch& watch_;
    };

    /// One step, until `end`; `what` is told when it is over.
    Guard until(Clock::time_point end, const std::string& what);
    /// One step, in `limit`.
    Guard within(std::chrono::milliseconds limit, const std::string& what);
    /// `counter` must grow by `bytes_min` in any `window`; what falls short of that is noticed
    /// within a quarter of it more. It outlives the guard.
    Guard progress(
        const std::uint64_t& counter, std::uint64_t bytes_min, std::chrono::milliseconds window);

    /// The same for bytes that the other side takes.
    Guard sending(
        const std::uint64_t& counter, std::uint64_t bytes_min, std::chrono::milliseconds window);

    /// Why the socket was shut down, if it was.
    std::optional<TransportCause> expired() const;
    /// The same for people.
    const std::string& reason() const;

private:
    struct State;

    void measure(
        const std::uint64_t& counter,
        std::uint64_t bytes_min,
        std::chrono::milliseconds window,
        const char* verb);
    void disarm();

    std::shared_ptr<State> state_; // the timer's handler may run after this object is gone
};

} // namespace tz
