#include <tz/protocols/stall_meter.hpp>
#include <tz/protocols/watch.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <new>
#include <sys/ioctl.h>

namespace tz {

namespace {

std::string seconds_text(std::chrono::milliseconds time) {
    const auto count = time.count();
    if (count % 1000 == 0)
        return std::to_string(count / 1000) + " s";
    return std::to_string(count) + " ms";
}

} // namespace

struct Watch::State : std::enable_shared_from_this<State> {
    explicit State(asio::ip::tcp::socket& of) : socket(&of), timer(of.get_executor()) {}

    asio::ip::tcp::socket* socket; ///< valid while armed
    asio::steady_timer timer;
    std::uint64_t arming = 0; ///< tells a handler whether it is still meant
    Clock::time_point deadline = Clock::time_point::max();
    Clock::time_point end;
    bool armed = false;

    const std::uint64_t* counter = nullptr; ///< null: a step with an end
    StallMeter meter{0, 0};
    std::uint64_t bytes_min = 0;
    const char* verb = ""; ///< what the bytes should do
    std::chrono::milliseconds window{};

    std::optional<TransportCause> expired;
    std::string reason;

    void arm(Clock::time_point at) {
        end = at;
        armed = true;
        timer.expires_at(std::min(at, deadline));
        timer.async_wait([state = shared_from_this(), meant = arming](error_code ec) {
            if (!ec && state->arming == meant)
                state->fire();
        });
    }

    /// Without memory for that the step ends, rather than a stall that nobody would notice.
    void arm_again(Clock::time_point at) noexcept {
        try {
            arm(at);
        } catch (const std::bad_alloc&) {
            give_up(TransportCause::timed_out);
            reason = "out of memory";
        }
    }

    /// What has come, also where it waits in the socket until there is more (LowWater).
    std::uint64_t come() const {
        int waiting = 0;
        (void)::ioctl(socket->native_handle(), FIONREAD, &waiting);
        return *counter + static_cast<std::uint64_t>(waiting);
    }

    void fire() {
        const bool last = end > deadline;
        if (counter != nullptr && !last && !meter.tick(come()))
            return arm_again(Clock::now() + window / StallMeter::ticks);
        give_up(counter != nullptr && !last ? TransportCause::stalled : TransportCause::timed_out);
        if (last)
            reason = "the time for the whole request is over";
        else if (counter != nullptr)
            reason = "fewer than " + std::to_string(bytes_min) + " bytes " + verb + " in " +
                     seconds_text(window);
    }

    void give_up(TransportCause cause) noexcept {
        expired = cause;
        // Not cancel(): that reaches only who waits right now, while this makes every later read
        // and write end as well.
        error_code ignored;
        socket->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    }
};

Watch::Watch(asio::ip::tcp::socket& socket) : state_(std::make_shared<State>(socket)) {}

Watch::~Watch() {
    disarm();
}

void Watch::set_deadline(Clock::time_point deadline) {
    state_->deadline = deadline;
    if (state_->armed && deadline < state_->timer.expiry())
        state_->arm_again(state_->end);
}

Watch::Guard Watch::until(Clock::time_point end, const std::string& what) {
    state_->counter = nullptr;
    state_->reason = what;
    state_->arm(end);
    return Guard(*this);
}

Watch::Guard Watch::within(std::chrono::milliseconds limit, const std::string& what) {
    return until(Clock::now() + limit, what + " within " + seconds_text(limit));
}

Watch::Guard Watch::progress(
    const std::uint64_t& counter, std::uint64_t bytes_min, std::chrono::milliseconds window) {
    measure(counter, bytes_min, window, "came");
    return Guard(*this);
}

Watch::Guard Watch::sending(
    const std::uint64_t& counter, std::uint64_t bytes_min, std::chrono::milliseconds window) {
    measure(counter, bytes_min, window, "were taken");
    return Guard(*this);
}

void Watch::measure(
    const std::uint64_t& counter,
    std::uint64_t bytes_min,
    std::chrono::milliseconds window,
    const char* verb) {
    state_->counter = &counter;
    state_->meter = StallMeter(counter, bytes_min);
    state_->bytes_min = bytes_min;
    state_->verb = verb;
    state_->window = window;
    state_->arm(Clock::now() + window / StallMeter::ticks);
}

void Watch::disarm() {
    ++state_->arming;
    state_->armed = false;
    state_->timer.cancel();
}

std::optional<TransportCause> Watch::expired() const {
    return state_->expired;
}

const std::string& Watch::reason() const {
    return state_->reason;
}

} // namespace tz
