#include <tz/engine/start_thread.hpp>
#include <tz/tools/signals.hpp>

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace tz::cli {

namespace {

bool ignored(int signal) {
    struct sigaction action{};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// As if we had never caught it: the shell sees that a signal ended us.
[[noreturn]] void die_of(int signal) {
    ::signal(signal, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(signal);
    ::_exit(128 + signal);
}

} // namespace

StopOnSignal::StopOnSignal() {
    sigemptyset(&signals_);
    // a blocked signal arrives even where it is ignored
    for (const int signal : {SIGINT, SIGTERM})
        if (!ignored(signal))
            sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    arrived_ = ::signalfd(-1, &signals_, SFD_CLOEXEC);
    ended_ = ::eventfd(0, EFD_CLOEXEC);
    const int error = errno;
    try {
        if (arrived_ < 0 || ended_ < 0)
            throw std::system_error(error, std::generic_category(), "cannot wait for signals");
        thread_ = start_thread([this] { watch(); });
    } catch (...) {
        ::close(arrived_);
        ::close(ended_);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw;
    }
}

StopOnSignal::~StopOnSignal() {
    const std::uint64_t one = 1;
    while (::write(ended_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
    ::close(arrived_);
    ::close(ended_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopOnSignal::watch() {
    std::array<pollfd, 2> waits{pollfd{arrived_, POLLIN, 0}, pollfd{ended_, POLLIN, 0}};
    while (true) {
        if (::poll(waits.data(), waits.size(), -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (waits[1].revents != 0)
            return;
        signalfd_siginfo info{};
        if (::read(arrived_, &info, sizeof info) != sizeof info)
            continue;
        if (!stop_.request_stop())
            die_of(static_cast<int>(info.ssi_signo));
    }
}

} // namespace tz::cli
