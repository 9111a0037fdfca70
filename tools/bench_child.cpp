#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_sample.hpp>
#include <tz/tools/bench_stop.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tz::bench {

namespace {

constexpr std::size_t output_bytes_max = 16 << 20;
constexpr int poll_milliseconds = 5;

[[noreturn]] void fail(const char* what, int code) {
    throw Error(errc::io, std::string(what) + ": " + std::strerror(code));
}

/// What a process has in memory, read time and again. VmHWM would not do: it counts anonymous pages
/// and those of files together.
class MemoryWatch {
public:
    explicit MemoryWatch(pid_t pid)
        : status_(
              ::open(("/proc/" + std::to_string(pid) + "/status").c_str(), O_RDONLY | O_CLOEXEC)) {}

    ~MemoryWatch() { ::close(status_); }

    MemoryWatch(const MemoryWatch&) = delete;
    MemoryWatch& operator=(const MemoryWatch&) = delete;

    void read_into(std::vector<MemoryReading>& readings) const {
        std::array<char, 4096> text{};
        if (::pread(status_, text.data(), text.size() - 1, 0) <= 0)
            return;
        const auto anonymous = bytes_of(text.data(), "RssAnon:");
        const auto file = bytes_of(text.data(), "RssFile:");
        if (anonymous && file)
            readings.push_back({monotonic_seconds(), *anonymous, *file});
    }

private:
    static std::optional<std::uint64_t> bytes_of(const char* status, const char* name) {
        const char* field = std::strstr(status, name);
        if (field == nullptr)
            return {};
        return std::strtoull(field + std::strlen(name), nullptr, 10) << 10;
    }

    int status_;
};

/// The read end of the child's stdout, and the child. Whatever happens, it is waited for.
class Child {
public:
    explicit Child(const std::string& command) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            fail("no pipe", errno);
        output_ = ends[0];
        const int code = spawn(command, ends[1]);
        ::close(ends[1]);
        if (code == 0)
            return;
        ::close(output_);
        fail("cannot start /bin/sh", code);
    }

    ~Child() {
        ::close(output_);
        if (pid_ <= 0)
            return;
        ::kill(-pid_, SIGKILL);
        wait();
    }

    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    int output() const { return output_; }

    pid_t pid() const { return pid_; }

    ChildResult wait() {
        int status = 0;
        rusage usage{};
        while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        const auto seconds = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
        };
        ChildResult result;
        result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        result.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        return result;
    }

private:
    int spawn(const std::string& command, int output_end) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, output_end, STDOUT_FILENO);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        // our threads block signals, the child must not
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes, &none);
        sigset_t pipe; // we ignore it, and children inherit that
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        posix_spawnattr_setsigdefault(&attributes, &pipe);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        std::string shell = "sh";
        std::string flag = "-c";
        std::string text = command;
        const std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
        const int code =
            ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, arguments.data(), environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }

    int output_ = -1;
    pid_t pid_ = 0;
};

} // namespace

ChildResult
run_command(const std::string& command, const std::stop_token& stop, double seconds_max) {
    const double began = monotonic_seconds();
    Child child(command);
    const MemoryWatch watch(child.pid()); // the shell becomes the program
    std::vector<MemoryReading> memory;
    std::string output;
    std::array<char, 65536> block{};
    for (;;) {
        check_stop(stop);
        if (seconds_max > 0 && monotonic_seconds() - began > seconds_max)
            throw Error(
                errc::deadline, fmt::format("the command was ended after {:g} s", seconds_max));
        watch.read_into(memory);
        pollfd ready{child.output(), POLLIN, 0};
        if (::poll(&ready, 1, poll_milliseconds) <= 0)
            continue;
        const ssize_t got = ::read(child.output(), block.data(), block.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        output.append(block.data(), static_cast<std::size_t>(got));
        if (output.size() > output_bytes_max)
            throw Error(errc::limit, "a measured program wrote more than 16 MiB to its stdout");
    }
    ChildResult result = child.wait();
    result.output = std::move(output);
    result.memory = std::move(memory);
    return result;
}

std::string shell_word(const std::string& text) {
    std::string word = "'";
    for (const char c : text)
        if (c == '\'')
            word += "'\\''";
        else
            word += c;
    return word + "'";
}

} // namespace tz::bench
