#include "watchdog.hpp"

#include "failing_calls.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

namespace tz::soak {

namespace {

using Clock = std::chrono::steady_clock;

/// Far above what any run may take, also on a machine that does much else.
constexpr std::chrono::seconds hangs_after{180};

struct Current {
    std::mutex mutex;
    std::string description;
    Clock::time_point since{};
    bool runs = false;
    std::function<void(const std::string&)> say;
};

Current& current() {
    static Current& made = *new Current; // the thread looks on until the process has ended
    return made;
}

[[noreturn]] void give_up(const Current& now) {
    const std::string what = "hangs: " + now.description;
    try {
        if (now.say)
            now.say(what);
        else
            std::cerr << what << std::endl;
    } catch (const std::exception& error) { // what hangs may have left no descriptor
        std::cerr << error.what() << std::endl;
    }
    std::abort();
}

[[noreturn]] void look_on() {
    never_fail_here();
    for (;;) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        Current& now = current();
        const std::lock_guard lock(now.mutex);
        if (now.runs && Clock::now() - now.since > hangs_after) {
            give_up(now);
        }
    }
}

} // namespace

void begin_run(const std::string& description) {
    static const bool started = [] {
        std::thread(look_on).detach();
        return true;
    }();
    (void)started;
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    now.description = description;
    now.since = Clock::now();
    now.runs = true;
}

void end_run() {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    now.runs = false;
}

void on_hang(std::function<void(const std::string&)> say) {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    now.say = std::move(say);
}

std::string current_run() {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    return now.description;
}

} // namespace tz::soak
