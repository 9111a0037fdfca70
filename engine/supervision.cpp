#include <tz/engine/supervision.hpp>

#include <exception>
#include <string>

namespace tz {

using namespace std::chrono_literals;

Supervision::HeldTurn Supervision::turn(Turn& one_load) const {
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
    crew.wait(options_.deadline ? 10ms : 100ms, [&] {
        check_deadline();
        if (deliver)
            deliver();
        if (options_.progress)
            report(progress());
    });
}

void Supervision::check_deadline() const {
    if (options_.deadline && Clock::now() - started_ > *options_.deadline)
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
