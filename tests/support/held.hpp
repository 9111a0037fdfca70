// What a process holds: descriptors and threads, to see that nothing is left behind.
#pragma once

#include <tz/tests/support/sanitizer.hpp>

#include <chrono>
#include <compare>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace tz::test {

struct Held {
    std::size_t descriptors = 0;
    std::size_t threads = 0; ///< without those that have ended, or that io_uring makes as it likes

    bool operator==(const Held&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Held& held) {
    return out << held.descriptors << " descriptors, " << held.threads << " threads";
}

/// ThreadSanitizer keeps a thread of its own from the first one that the program starts.
inline void start_sanitizer_thread() {
    if (!thread_sanitized)
        return;
    static const bool started = [] {
        pid_t thread = 0;
        std::thread([&] { thread = ::gettid(); }).join();
        while (std::filesystem::exists("/proc/self/task/" + std::to_string(thread)))
            std::this_thread::yield();
        return true;
    }();
    (void)started;
}

/// Whether a thread, by its /proc/.../stat, is one of the program's that still runs. One that has
/// been joined stands in /proc for a moment; from before its joiner wakes it has PF_EXITING.
inline bool runs(const std::string& stat) {
    constexpr unsigned long exiting = 0x4;
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) // gone meanwhile
        return false;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string other;
    for (int i = 0; i < 6; ++i)
        fields >> other; // state, parent, group, session, terminal, its group
    unsigned long flags = 0;
    fields >> flags;
    return (flags & exiting) == 0 && stat.find("(iou-") == std::string::npos;
}

inline Held held() {
    namespace fs = std::filesystem;
    start_sanitizer_thread();
    Held now;
    const fs::directory_iterator end;
    now.descriptors =
        static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), end));
    for (const auto& task : fs::directory_iterator("/proc/self/task")) {
        std::ifstream file(task.path() / "stat");
        std::string stat;
        std::getline(file, stat, '\0'); // fails, and does not throw, where the thread is gone
        now.threads += runs(stat);
    }
    return now;
}

/// What is held once it is `expected`, or after some seconds: what nobody waits for ends when it
/// may.
inline Held held_soon(const Held& expected) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    Held now = held();
    while (now != expected && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        now = held();
    }
    return now;
}

} // namespace tz::test
