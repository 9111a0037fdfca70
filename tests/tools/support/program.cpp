#include "program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tz::test {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;
constexpr unsigned nobody = 65534;

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts)
        list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

bool said(const std::vector<std::string>& variables, std::string_view variable) {
    const auto name = variable.substr(0, variable.find('=') + 1);
    return std::any_of(variables.begin(), variables.end(), [&](const std::string& one) {
        return one.starts_with(name);
    });
}

std::vector<std::string> environment(const RunOptions& options) {
    std::vector<std::string> all = options.environment;
    if (!said(options.environment, "TZ_CONFIG=")) // whoever runs the tests may have one
        all.emplace_back("TZ_CONFIG=/dev/null");
    for (char** one = environ; *one != nullptr; ++one)
        if (!std::string_view(*one).starts_with("TZ_") && !said(options.environment, *one))
            all.emplace_back(*one);
    return all;
}

/// Who starts a thread or a process blocks all signals for a moment, as C libraries do.
bool blocks_alone(unsigned long long blocked, int signal) {
    const auto has = [blocked](int one) { return (blocked >> (one - 1) & 1) != 0; };
    return has(signal) && !has(SIGUSR1);
}

// Takes what there is to read; false at the end.
bool drain(int fd, std::string& to) {
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0)
        to.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && errno == EINTR);
}

// Every call but the refused one is allowed.
bool install(const Refusal& refusal) {
    constexpr unsigned third_argument = offsetof(seccomp_data, args[2]); // the flags of openat
    const auto call = static_cast<unsigned>(refusal.call);
    const bool opens = refusal.call == SYS_openat;
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, third_argument),
        BPF_JUMP(
            BPF_JMP | BPF_JSET | BPF_K,
            opens ? unsigned{O_DIRECT} : 0u,
            0,
            static_cast<__u8>(opens)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(refusal.error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool limit(__rlimit_resource_t resource, long value) {
    const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
    return value < 0 || ::setrlimit(resource, &both) == 0;
}

// Only calls that are safe between fork and exec.
[[noreturn]] void
become(int file, char* const* arguments, char* const* variables, const RunOptions& options) {
    if (!limit(RLIMIT_MEMLOCK, options.memlock_bytes) ||
        !limit(RLIMIT_NOFILE, options.descriptors) || !limit(RLIMIT_NPROC, options.threads) ||
        !limit(RLIMIT_FSIZE, options.file_bytes))
        ::_exit(124);
    // threads are counted over all processes of a user: of this one there are no others
    const unsigned user = options.threads < 0 ? nobody : nobody - 1;
    if (options.nobody && (::setgid(user) != 0 || ::setuid(user) != 0))
        ::_exit(125);
    if (options.refuse.call != 0 && !install(options.refuse))
        ::_exit(123);
    ::fexecve(file, arguments, variables);
    ::_exit(126);
}

int output_of(const RunOptions& options, const std::array<int, 2>& pipe) {
    return options.stdout_path.empty() ? pipe[1]
                                       : ::open(options.stdout_path.c_str(), O_WRONLY | O_CLOEXEC);
}

} // namespace

Program::Program(const std::vector<std::string>& arguments, const RunOptions& options) {
    std::vector<std::string> texts{"tz"};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment(options);
    const auto argument_list = pointers(texts);
    const auto variable_list = pointers(variables);
    // opened by us: nobody may not be allowed into the build's folder
    const int file = ::open(options.program.c_str(), O_RDONLY | O_CLOEXEC);
    std::array<int, 2> out{}, err{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC), 0);
    const int output = output_of(options, out);
    if (options.closed_pipe)
        ::close(out[0]);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(output, STDOUT_FILENO);
        ::dup2(err[1], STDERR_FILENO);
        become(file, argument_list.data(), variable_list.data(), options);
    }
    if (output != out[1])
        ::close(output);
    ::close(file);
    ::close(out[1]);
    ::close(err[1]);
    out_ = options.closed_pipe ? -1 : out[0];
    err_ = err[0];
}

Program::~Program() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (out_ >= 0)
        ::close(out_);
    ::close(err_);
}

bool Program::wait_until_it_blocks(int signal) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
        std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("State:") && line.find('Z') != line.npos)
                return false;
            if (line.starts_with("SigBlk:") &&
                blocks_alone(std::stoull(line.substr(7), nullptr, 16), signal))
                return true;
        }
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

Outcome Program::wait() {
    Outcome outcome;
    const auto until = std::chrono::steady_clock::now() + patience;
    std::array<pollfd, 2> reads{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
    while (reads[0].fd >= 0 || reads[1].fd >= 0) {
        if (::poll(reads.data(), reads.size(), 100) < 0)
            continue;
        if (reads[0].revents != 0 && !drain(out_, outcome.out))
            reads[0].fd = -1;
        if (reads[1].revents != 0 && !drain(err_, outcome.err))
            reads[1].fd = -1;
        if (std::chrono::steady_clock::now() > until) {
            ADD_FAILURE() << "still running after a minute";
            ::kill(pid_, SIGKILL);
        }
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    if (WIFEXITED(status))
        outcome.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status))
        outcome.signal = WTERMSIG(status);
    return outcome;
}

Outcome run(const std::vector<std::string>& arguments, const RunOptions& options) {
    return Program(arguments, options).wait();
}

} // namespace tz::test
