#include <tz/engine/start_thread.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/deadline.hpp>
#include <tz/tools/exit.hpp>

#include <algorithm>
#include <unistd.h>

namespace tz::cli {

namespace {

/// A load that can end does so within it.
constexpr std::chrono::seconds grace(2);

[[noreturn]] void end_process() {
    Console().line(
        "tz: it did not end in time: the system holds a read or a write of a file, which "
        "nothing can take back; look at the disk or the server of the file system");
    ::_exit(exit_code(errc::deadline));
}

} // namespace

Deadline::Deadline(std::optional<Duration> longest) {
    if (!longest)
        return;
    end_ = Clock::now() + *longest;
    thread_ = start_thread([this] { watch(); });
}

Deadline::~Deadline() {
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
    if (!changed_.wait_until(lock, *end_ + grace, [this] { return over_; }))
        end_process();
}

} // namespace tz::cli
