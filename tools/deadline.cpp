#include <tz/engine/start_thread.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/deadline.hpp>
#include <tz/tools/exit.hpp>

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace tz::cli {

namespace {

[[noreturn]] void end_process(const std::string& held) {
    Console().line("tz: it did not end in time: " + held);
    ::_exit(exit_code(errc::deadline));
}

} // namespace

Deadline::Deadline(std::optional<Duration> longest, Held held) : held_(std::move(held)) {
    if (!longest)
        return;
    end_ = begun_ + *longest;
    thread_ = start_thread([this] { watch(); });
}

Deadline::~Deadline() {
    lift();
}

void Deadline::lift() {
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

std::optional<Deadline::Duration> Deadline::left() const {
    if (!end_)
        return {};
    return std::max(Duration::zero(), Duration(*end_ - Clock::now()));
}

void Deadline::watch() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, *end_ + held_.grace, [this] { return over_; }))
        end_process(held_.by);
}

} // namespace tz::cli
