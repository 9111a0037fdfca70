// The two streams of a program: results on stdout, everything else on stderr.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tz::cli {

/// Whoever read our stdout has gone.
struct ClosedPipe : std::exception {
    const char* what() const noexcept override { return "nobody reads the output"; }
};

/// Writes all of `text` to stdout. Throws ClosedPipe, or `std::system_error` where it cannot be
/// written.
void write_result(std::string_view text);

/// Runs `write`, which writes results of a command that has made something: `made` says what, where
/// stdout takes no more.
void write_after(const std::string& made, const std::function<void()>& write);

/// stderr, shared by log lines and a progress bar that is redrawn in place. Thread-safe. Failures
/// to write are ignored: there is nobody left to tell.
class Console {
public:
    explicit Console(int fd = 2) : fd_(fd) {}

    /// Leaves no half bar behind.
    ~Console() { clear(); }

    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// A terminal that can move its cursor.
    bool terminal() const;
    /// Width in columns, as of now.
    unsigned columns() const;

    void line(std::string_view text);
    /// Draws `text` over the bar that is there.
    void bar(std::string_view text);
    void clear();

private:
    void write(std::string_view text);

    const int fd_;
    std::mutex mutex_;
    bool drawn_ = false;
};

} // namespace tz::cli
