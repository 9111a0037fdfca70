#include "failing_calls.hpp"

#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace tz::soak {

namespace {

struct Calls {
    std::mutex mutex;
    std::vector<FailingCall> failing;
    std::array<std::uint64_t, call_kinds> made{};
    std::uint64_t met = 0;
};

Calls& calls() {
    static Calls& made = *new Calls; // calls are made until the process has ended
    return made;
}

std::atomic<bool> calls_fail = false;

FailingCall fate_of(Call call) {
    FailingCall fate{call};
    if (!calls_fail.load(std::memory_order_acquire))
        return fate;
    Calls& all = calls();
    const std::lock_guard lock(all.mutex);
    const std::uint64_t number = all.made[static_cast<std::size_t>(call)]++;
    for (const FailingCall& failing : all.failing)
        if (failing.call == call && failing.nth == number) {
            ++all.met;
            fate = failing;
        }
    return fate;
}

/// The C library's function of that name.
template <typename Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// -1 and errno where the call is to fail.
template <typename Body>
auto unless_it_fails(Call call, Body body) -> decltype(body()) {
    const FailingCall fate = fate_of(call);
    if (fate.error == 0)
        return body();
    errno = fate.error;
    return -1;
}

/// -1 and errno where the call is to fail; the connection is then broken for good, as it is where
/// the kernel says so.
template <typename Body>
ssize_t unless_it_breaks(Call call, int fd, Body body) {
    const FailingCall fate = fate_of(call);
    if (fate.error == 0)
        return body();
    if (fate.error != EINTR)
        ::shutdown(fd, SHUT_RDWR);
    errno = fate.error;
    return -1;
}

/// Whether epoll is told of a descriptor that somebody learns of where it is refused. Asio doesn't
/// look whether its own ones, the timer and the eventfd that wakes a loop, are watched (the
/// constructor of epoll_reactor); and a change of what is watched never fails in the kernel.
bool is_looked_at(int what, int fd) {
    if (what != EPOLL_CTL_ADD)
        return false;
    std::array<char, 32> link{};
    std::array<char, 64> name{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    if (::readlink(link.data(), name.data(), name.size() - 1) < 0)
        return false;
    const std::string_view kind(name.data());
    return kind != "anon_inode:[eventfd]" && kind != "anon_inode:[timerfd]";
}

} // namespace

const char* name_of(Call call) {
    constexpr std::array names = {
        "write",
        "sync",
        "cut",
        "room",
        "rename",
        "socket",
        "connect",
        "receive",
        "send",
        "poll",
        "thread",
        "map"};
    static_assert(names.size() == call_kinds);
    return names[static_cast<std::size_t>(call)];
}

std::string to_string(const FailingCall& call) {
    std::string text = std::string(name_of(call.call)) + " " + std::to_string(call.nth);
    if (call.error != 0)
        text += " error=" + std::to_string(call.error);
    if (call.bytes_max != SIZE_MAX)
        text += " bytes_max=" + std::to_string(call.bytes_max);
    return text;
}

FailingCalls::FailingCalls(std::vector<FailingCall> failing) {
    Calls& all = calls();
    const std::lock_guard lock(all.mutex);
    assert(!calls_fail);
    all.failing = std::move(failing);
    all.made = {};
    all.met = 0;
    calls_fail.store(true, std::memory_order_release);
}

FailingCalls::~FailingCalls() {
    calls_fail = false;
    Calls& all = calls();
    const std::lock_guard lock(all.mutex);
    all.failing = std::vector<FailingCall>(); // and its memory, which would look like a leak
}

std::uint64_t FailingCalls::met() const {
    Calls& all = calls();
    const std::lock_guard lock(all.mutex);
    return all.met;
}

} // namespace tz::soak

// The linker's names (--wrap=mmap): for the project's own code alone, as all that runs maps memory.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void* __real_mmap(void*, std::size_t, int, int, int, off_t);

// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void*
__wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) {
    const int error = tz::soak::fate_of(tz::soak::Call::map).error;
    if (error == 0)
        return __real_mmap(at, bytes, protection, flags, fd, offset);
    errno = error;
    return MAP_FAILED;
}

// What stands before the C library's.
extern "C" {

using tz::soak::Call;
using tz::soak::fate_of;
using tz::soak::unless_it_breaks;
using tz::soak::unless_it_fails;

ssize_t pwrite(int fd, const void* from, std::size_t bytes, off_t offset) {
    static auto* const next = tz::soak::real<decltype(pwrite)>("pwrite");
    const auto fate = fate_of(Call::write);
    if (fate.error == 0)
        return next(fd, from, bytes < fate.bytes_max ? bytes : fate.bytes_max, offset);
    errno = fate.error;
    return -1;
}

int fsync(int fd) {
    static auto* const next = tz::soak::real<decltype(fsync)>("fsync");
    return unless_it_fails(Call::sync, [=] { return next(fd); });
}

int ftruncate(int fd, off_t bytes) noexcept {
    static auto* const next = tz::soak::real<int(int, off_t)>("ftruncate");
    return unless_it_fails(Call::cut, [=] { return next(fd, bytes); });
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    static auto* const next = tz::soak::real<decltype(fallocate)>("fallocate");
    return unless_it_fails(Call::room, [=] { return next(fd, mode, offset, bytes); });
}

int rename(const char* from, const char* to) noexcept {
    static auto* const next = tz::soak::real<int(const char*, const char*)>("rename");
    return unless_it_fails(Call::rename, [=] { return next(from, to); });
}

int renameat2(int old_fd, const char* from, int new_fd, const char* to, unsigned flags) noexcept {
    static auto* const next =
        tz::soak::real<int(int, const char*, int, const char*, unsigned)>("renameat2");
    return unless_it_fails(Call::rename, [=] { return next(old_fd, from, new_fd, to, flags); });
}

int socket(int domain, int type, int protocol) noexcept {
    static auto* const next = tz::soak::real<int(int, int, int)>("socket");
    return unless_it_fails(Call::socket, [=] { return next(domain, type, protocol); });
}

int connect(int fd, const sockaddr* address, socklen_t size) {
    static auto* const next = tz::soak::real<decltype(connect)>("connect");
    return unless_it_fails(Call::connect, [=] { return next(fd, address, size); });
}

ssize_t recv(int fd, void* to, std::size_t bytes, int flags) {
    static auto* const next = tz::soak::real<decltype(recv)>("recv");
    return unless_it_breaks(Call::receive, fd, [=] { return next(fd, to, bytes, flags); });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const next = tz::soak::real<decltype(recvmsg)>("recvmsg");
    return unless_it_breaks(Call::receive, fd, [=] { return next(fd, message, flags); });
}

ssize_t send(int fd, const void* from, std::size_t bytes, int flags) {
    static auto* const next = tz::soak::real<decltype(send)>("send");
    return unless_it_breaks(Call::send, fd, [=] { return next(fd, from, bytes, flags); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const next = tz::soak::real<decltype(sendmsg)>("sendmsg");
    return unless_it_breaks(Call::send, fd, [=] { return next(fd, message, flags); });
}

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
    static auto* const next = tz::soak::real<int(int, int, int, epoll_event*)>("epoll_ctl");
    if (!tz::soak::is_looked_at(what, fd))
        return next(epoll, what, fd, event);
    return unless_it_fails(Call::poll, [=] { return next(epoll, what, fd, event); });
}

int pthread_create(
    pthread_t* thread,
    const pthread_attr_t* attributes,
    void* (*run)(void*),
    void* argument) noexcept {
    static auto* const next =
        tz::soak::real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>(
            "pthread_create");
    if (const int error = fate_of(Call::thread).error)
        return error;
    return next(thread, attributes, run, argument);
}
}
