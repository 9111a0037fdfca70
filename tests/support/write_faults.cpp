#include <tz/tests/support/write_faults.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <unistd.h>
#include <utility>

// What the linker makes of the calls it wraps.
extern "C" {
ssize_t __real_pwrite(int fd, const void* from, std::size_t bytes, off_t offset);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t bytes);
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

} // namespace

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
    if (fate.killed)
        ::_exit(0);
    return result;
}

int __wrap_fsync(int fd) {
    return tz::test::faulty(tz::test::WriteKind::sync, [fd] { return __real_fsync(fd); });
}

int __wrap_ftruncate(int fd, off_t bytes) {
    return tz::test::faulty(
        tz::test::WriteKind::cut, [fd, bytes] { return __real_ftruncate(fd, bytes); });
}
}
