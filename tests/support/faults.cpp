#include <tz/tests/support/faults.hpp>

#include <liburing.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <sys/uio.h>
#include <utility>
#include <vector>

// What the linker makes of the calls it wraps.
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_preadv(int fd, const iovec* to, int count, off_t offset);
long __real_syscall(long number, ...);
int __real_io_uring_submit(io_uring* ring);
unsigned __real_io_uring_peek_batch_cqe(io_uring* ring, io_uring_cqe** entries, unsigned count);
}

namespace tz::test {

namespace {

bool reads_direct(int fd) {
    return (::fcntl(fd, F_GETFL) & O_DIRECT) != 0;
}

// Of what a read was to fill, all but its first `keep` bytes.
void scribble(std::span<const iovec> to, std::size_t keep) {
    for (const iovec& piece : to) {
        const std::size_t kept = std::min(keep, piece.iov_len);
        std::memset(static_cast<char*>(piece.iov_base) + kept, 0xee, piece.iov_len - kept);
        keep -= kept;
    }
}

// The result of a read that gave `result`: a count of bytes or a negative errno.
int meet(const ReadFate& fate, int result, std::span<const iovec> to) {
    if (fate.error != 0)
        result = -fate.error;
    else if (result > 0)
        result = static_cast<int>(std::min<std::size_t>(fate.bytes_max, result));
    scribble(to, static_cast<std::size_t>(std::max(result, 0)));
    return result;
}

} // namespace

struct FaultyKernel::State {
    struct Pending {
        ReadFate fate;
        std::vector<iovec> to;
    };

    explicit State(Faults what) : faults(std::move(what)) {}

    ReadFate fate_of(int fd, bool ring) {
        const ReadCall call{reads++, ring, reads_direct(fd)};
        ring_reads += call.ring;
        direct_reads += call.direct;
        return faults.read ? faults.read(call) : ReadFate{};
    }

    // Notes the reads that are about to be submitted, by what the kernel will call them.
    void note(const io_uring& ring) {
        for (unsigned i = ring.sq.sqe_head; i != ring.sq.sqe_tail; ++i) {
            io_uring_sqe& entry = ring.sq.sqes[i & ring.sq.ring_mask];
            auto* const data = reinterpret_cast<void*>(entry.addr);
            std::vector<iovec> to;
            if (entry.opcode == IORING_OP_ASYNC_CANCEL && faults.cancel_error != 0) {
                const std::uint64_t name = entry.user_data;
                ::io_uring_prep_nop(&entry);
                entry.user_data = name;
                continue;
            }
            if (entry.opcode == IORING_OP_WRITE) {
                note_write(entry.user_data);
                continue;
            }
            if (entry.opcode == IORING_OP_READV)
                to.assign(static_cast<iovec*>(data), static_cast<iovec*>(data) + entry.len);
            else if (entry.opcode == IORING_OP_READ || entry.opcode == IORING_OP_READ_FIXED)
                to.push_back(iovec{data, entry.len});
            else
                continue;
            const ReadFate fate = fate_of(entry.fd, true);
            const std::lock_guard lock(mutex);
            pending.insert_or_assign(entry.user_data, Pending{fate, std::move(to)});
        }
    }

    void note_write(std::uint64_t name) {
        const std::uint64_t number = ring_writes++;
        const int error = faults.ring_write ? faults.ring_write(number) : 0;
        if (error == 0)
            return;
        const std::lock_guard lock(mutex);
        pending.insert_or_assign(name, Pending{ReadFate{error}, {}});
    }

    void complete(io_uring_cqe& entry) {
        const std::lock_guard lock(mutex);
        if (entry.user_data == 0 && faults.cancel_error != 0)
            entry.res = -faults.cancel_error;
        const auto found = pending.find(entry.user_data);
        if (found == pending.end())
            return;
        entry.res = meet(found->second.fate, entry.res, found->second.to);
        pending.erase(found);
    }

    Faults faults;
    std::atomic<std::uint64_t> reads = 0;
    std::atomic<std::uint64_t> ring_reads = 0;
    std::atomic<std::uint64_t> direct_reads = 0;
    std::atomic<std::uint64_t> ring_writes = 0;
    std::atomic<std::uint64_t> submits = 0;
    std::mutex mutex;
    std::map<std::uint64_t, Pending> pending;
};

namespace {

std::mutex current_mutex;
std::shared_ptr<FaultyKernel::State> current_state;

// A loop may still be looking for completions when the test that wanted faults is through: whoever
// was given the state keeps it.
std::shared_ptr<FaultyKernel::State> current() {
    const std::lock_guard lock(current_mutex);
    return current_state;
}

void make_current(std::shared_ptr<FaultyKernel::State> state) {
    const std::lock_guard lock(current_mutex);
    current_state = std::move(state);
}

} // namespace

FaultyKernel::FaultyKernel(Faults faults) : state_(std::make_shared<State>(std::move(faults))) {
    make_current(state_);
}

FaultyKernel::~FaultyKernel() {
    make_current(nullptr);
}

std::uint64_t FaultyKernel::reads() const {
    return state_->reads;
}

std::uint64_t FaultyKernel::ring_reads() const {
    return state_->ring_reads;
}

std::uint64_t FaultyKernel::direct_reads() const {
    return state_->direct_reads;
}

std::uint64_t FaultyKernel::ring_writes() const {
    return state_->ring_writes;
}

std::uint64_t FaultyKernel::submits() const {
    return state_->submits;
}

} // namespace tz::test

// What tzio calls instead.
extern "C" {

int __wrap_open(const char* path, int flags, ...) {
    const auto kernel = tz::test::current();
    if (kernel != nullptr && kernel->faults.direct_open_error != 0 && (flags & O_DIRECT) != 0) {
        errno = kernel->faults.direct_open_error;
        return -1;
    }
    unsigned mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, unsigned);
        va_end(arguments);
    }
    return __real_open(path, flags, mode);
}

ssize_t __wrap_preadv(int fd, const iovec* to, int count, off_t offset) {
    const auto kernel = tz::test::current();
    if (kernel == nullptr)
        return __real_preadv(fd, to, count, offset);
    const tz::test::ReadFate fate = kernel->fate_of(fd, false);
    const ssize_t got = __real_preadv(fd, to, count, offset);
    const std::span<const iovec> pieces(to, static_cast<std::size_t>(count));
    const int result = tz::test::meet(fate, got < 0 ? -errno : static_cast<int>(got), pieces);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

// Only cachestat(2) is called in this way, which has four arguments.
long __wrap_syscall(long number, ...) {
    va_list arguments;
    va_start(arguments, number);
    long values[4];
    for (long& value : values)
        value = va_arg(arguments, long);
    va_end(arguments);
    constexpr long cachestat = 451;
    const auto kernel = tz::test::current();
    const auto cache = kernel != nullptr ? kernel->faults.cache : tz::test::Cache::real;
    if (number != cachestat || cache == tz::test::Cache::real)
        return __real_syscall(number, values[0], values[1], values[2], values[3]);
    if (cache == tz::test::Cache::unknown) {
        errno = ENOSYS;
        return -1;
    }
    // the first of five counters says how many pages are cached
    auto* const counters = reinterpret_cast<std::uint64_t*>(values[2]);
    std::fill_n(counters, 5, 0);
    counters[0] = cache == tz::test::Cache::hot ? INT32_MAX : 0;
    return 0;
}

int __wrap_io_uring_submit(io_uring* ring) {
    const auto kernel = tz::test::current();
    if (kernel == nullptr)
        return __real_io_uring_submit(ring);
    const std::uint64_t number = kernel->submits++;
    if (kernel->faults.submit)
        if (const auto result = kernel->faults.submit(number))
            return *result;
    kernel->note(*ring);
    return __real_io_uring_submit(ring);
}

unsigned __wrap_io_uring_peek_batch_cqe(io_uring* ring, io_uring_cqe** entries, unsigned count) {
    const unsigned got = __real_io_uring_peek_batch_cqe(ring, entries, count);
    if (const auto kernel = tz::test::current())
        for (unsigned i = 0; i < got; ++i)
            kernel->complete(*entries[i]);
    return got;
}
}
