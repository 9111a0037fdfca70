#include "program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <string_view>
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
    for (char** one = environ; *one != nullptr; ++one)
        if (!std::string_view(*one).starts_with("TZ_") && !said(options.environment, *one))
            all.emplace_back(*one);
    return all;
}

// Takes what there is to read; false at the end.
bool drain(int fd, std::string& to) {
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0)
        to.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && errno == EINTR);
}

// Only calls that are safe between fork and exec.
[[noreturn]] void become(int file, char* const* arguments, char* const* variables, bool as_nobody) {
    if (as_nobody && (::setgid(nobody) != 0 || ::setuid(nobody) != 0))
        ::_exit(125);
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
    const int file = ::open(TZ_PROGRAM, O_RDONLY | O_CLOEXEC);
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
        become(file, argument_list.data(), variable_list.data(), options.nobody);
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
                (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0)
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
