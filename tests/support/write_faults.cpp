#include <tz/tests/support/write_faults.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

// What the linker makes of the calls it wraps.
extern "C" {
ssize_t __real_pwrite(int fd, const void* from, std::size_t bytes, off_t offset);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t bytes);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int folder, const char* from, int folder_to, const char* to, unsigned flags);
}

namespace tz::test {

namespace {

struct State {
    std::function<WriteFate(const WriteCall&)> decide;
    std::uint64_t calls = 0;
};

State* state = nullptr;

WriteFate fate_of(WriteCall call) {
    if (state == nullptr)
        return {};
    call.number = state->calls++;
    return state->decide(call);
}

// A call that isn't a write.
template <typename Call>
int faulty(WriteKind kind, Call call) {
    const WriteFate fate = fate_of({kind, 0, 0, 0});
    if (fate.killed && fate.bytes_max == 0)
        ::_exit(0);
    if (fate.error != 0) {
        errno = fate.error;
        return -1;
    }
    const int result = call();
    if (fate.killed)
        ::_exit(0);
    return result;
}

/// All calls of a WriteLog, or null.
std::vector<DiskCall>* logged = nullptr;
std::mutex log_mutex;

void log_call(DiskCall call) {
    const std::lock_guard lock(log_mutex);
    if (logged != nullptr)
        logged->push_back(std::move(call));
}

/// Of a descriptor, or of a path.
struct ::stat facts_of(int fd, const char* path = nullptr) {
    struct ::stat facts{};
    const int result = path == nullptr ? ::fstat(fd, &facts) : ::stat(path, &facts);
    assert(result == 0);
    (void)result;
    return facts;
}

void log_write(int fd, std::uint64_t offset, std::span<const std::byte> bytes) {
    log_call({DiskCall::Kind::write, facts_of(fd).st_ino, offset, {bytes.begin(), bytes.end()}});
}

/// Before it begins: what is written meanwhile may be too late for it.
void log_sync(int fd) {
    const struct ::stat facts = facts_of(fd);
    const bool folder = S_ISDIR(facts.st_mode);
    log_call({folder ? DiskCall::Kind::sync_folder : DiskCall::Kind::sync, facts.st_ino, 0, {}});
}

int log_rename(int result, const char* to) {
    if (result == 0)
        log_call({DiskCall::Kind::rename, facts_of(-1, to).st_ino, 0, {}});
    return result;
}

} // namespace

WriteLog::WriteLog() {
    const std::lock_guard lock(log_mutex);
    assert(logged == nullptr);
    logged = new std::vector<DiskCall>;
}

WriteLog::~WriteLog() {
    const std::lock_guard lock(log_mutex);
    delete std::exchange(logged, nullptr);
}

std::vector<DiskCall> WriteLog::take() {
    const std::lock_guard lock(log_mutex);
    return std::exchange(*logged, {});
}

FaultyWrites::FaultyWrites(std::function<WriteFate(const WriteCall&)> decide) {
    assert(state == nullptr);
    state = new State{std::move(decide)};
}

FaultyWrites::~FaultyWrites() {
    delete std::exchange(state, nullptr);
}

std::uint64_t FaultyWrites::calls() const {
    return state->calls;
}

} // namespace tz::test

// The wrappers, as the linker wants them named.
extern "C" {

ssize_t __wrap_pwrite(int fd, const void* from, std::size_t bytes, off_t offset) {
    using namespace tz::test;
    const WriteFate fate =
        fate_of({WriteKind::write, 0, static_cast<std::uint64_t>(offset), bytes});
    if (fate.error != 0) {
        errno = fate.error;
        return -1;
    }
    const std::size_t some = std::min(bytes, fate.bytes_max);
    const ssize_t result = some == 0 && bytes != 0 ? 0 : __real_pwrite(fd, from, some, offset);
    if (result > 0)
        log_write(
            fd,
            static_cast<std::uint64_t>(offset),
            std::span(static_cast<const std::byte*>(from), static_cast<std::size_t>(result)));
    if (fate.killed)
        ::_exit(0);
    return result;
}

int __wrap_fsync(int fd) {
    return tz::test::faulty(tz::test::WriteKind::sync, [fd] {
        tz::test::log_sync(fd);
        return __real_fsync(fd);
    });
}

int __wrap_ftruncate(int fd, off_t bytes) {
    return tz::test::faulty(tz::test::WriteKind::cut, [fd, bytes] {
        const int result = __real_ftruncate(fd, bytes);
        if (result == 0)
            tz::test::log_call(
                {tz::test::DiskCall::Kind::cut,
                 tz::test::facts_of(fd).st_ino,
                 static_cast<std::uint64_t>(bytes),
                 {}});
        return result;
    });
}

int __wrap_rename(const char* from, const char* to) {
    return tz::test::log_rename(__real_rename(from, to), to);
}

int __wrap_renameat2(int folder, const char* from, int folder_to, const char* to, unsigned flags) {
    return tz::test::log_rename(__real_renameat2(folder, from, folder_to, to, flags), to);
}
}
