#include <tz/engine/supervision.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string>

namespace tz {

using namespace std::chrono_literals;

namespace {

// Of the 2 s that a call may take beyond its deadline: what is left is for the program to say so.
constexpr auto clean_up_max = 1500ms;
// Also where ending took all of that.
constexpr auto clean_up_least = 500ms;
// Longer than any clean-up, and no clock runs over by it.
constexpr auto clean_up_unbounded = 1h;

/// Of Asio, where a loop can't have what it waits with: epoll's and other descriptors, made late.
Error cannot_wait(const boost::system::system_error& error) {
    const int number = error.code().value();
    const bool few = number == EMFILE || number == ENFILE;
    return Error(
        number == ENOMEM || number == ENOSPC ? errc::limit : errc::io,
        "the loop can't wait: " + system_message(number),
        {},
        few ? "raise the limit of open files (ulimit -n)" : "");
}

} // namespace

Supervision::HeldTurn Supervision::turn(Turn& one_load) const {
    check_deadline(); // what came before this load may have used it up
    while (!one_load.take_within(10ms)) {
        check_deadline();
        if (options_.stop.stop_requested())
            throw cancelled();
    }
    return HeldTurn(&one_load);
}

void Supervision::wait(
    Crew& crew, const std::function<Progress()>& progress, const std::function<void()>& deliver) {
    const std::stop_callback on_stop(
        options_.stop, [&crew, this] { crew.stop(std::make_exception_ptr(cancelled())); });
    const auto look = [&] {
        check_deadline();
        if (deliver)
            deliver();
        if (options_.progress)
            report(progress());
    };
    try {
        crew.wait(options_.deadline ? 10ms : 100ms, look);
    } catch (const Error&) { // a system_error, too
        throw;
    } catch (const boost::system::system_error& error) {
        throw cannot_wait(error);
    }
}

Supervision::Clock::time_point Supervision::clean_up_end() const {
    const auto now = Clock::now();
    if (!options_.deadline)
        return Clock::time_point::max();
    const Clock::duration left = *options_.deadline - (now - started_);
    const Clock::duration most = clean_up_unbounded;
    return now + std::max<Clock::duration>(std::min(left, most) + clean_up_max, clean_up_least);
}

void Supervision::check_deadline() const {
    if (late())
        throw Error(
            errc::deadline,
            std::string("the ") + what_ + " did not end in time",
            {},
            "raise --deadline");
}

Error Supervision::cancelled() const {
    return Error(errc::cancelled, std::string("the ") + what_ + " was cancelled");
}

void Supervision::report(const Progress& progress) {
    const auto now = Clock::now();
    if (now - reported_ < 100ms)
        return;
    reported_ = now;
    options_.progress(progress);
}

} // namespace tz
