#include <tz/tools/console.hpp>

#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace tz::cli {

namespace {

constexpr const char* erase_line = "\r\x1b[K";

// 0, or the errno of what went wrong.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) { // somebody made the stream non-blocking
            pollfd writable{fd, POLLOUT, 0};
            ::poll(&writable, 1, -1);
            continue;
        }
        if (written < 0)
            return errno;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

} // namespace

void write_result(std::string_view text) {
    const int error = write_all(STDOUT_FILENO, text);
    if (error == EPIPE)
        throw ClosedPipe();
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "cannot write the result");
}

void write_after(const std::string& made, const std::function<void()>& write) try {
    write();
} catch (const std::system_error& error) {

    throw std::system_error(error.code(), made + ", but stdout takes no more");
}

bool Console::terminal() const {
    const char* name = std::getenv("TERM");
    const bool dumb = !name || std::string_view(name) == "dumb";
    return ::isatty(fd_) == 1 && !dumb;
}

unsigned Console::columns() const {
    winsize size{};
    return ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void Console::line(std::string_view text) {
    const std::lock_guard lock(mutex_);
    std::string out = drawn_ ? erase_line : "";
    out += text;
    out += '\n';
    drawn_ = false;
    write(out); // one write, so that lines of several processes stay whole
}

void Console::bar(std::string_view text) {
    const std::lock_guard lock(mutex_);
    drawn_ = true;
    // drawn first and the rest erased after, which does not flicker
    write("\r" + std::string(text) + "\x1b[K");
}

void Console::clear() {
    const std::lock_guard lock(mutex_);
    if (drawn_)
        write(erase_line);
    drawn_ = false;
}

void Console::write(std::string_view text) {
    write_all(fd_, text);
}

} // namespace tz::cli
