// Faults at the calls by which tzio reaches files: open, preadv, cachestat(2), and io_uring's
// submissions and completions. A test program gets them from tz_inject_faults() (CMake), which has
// the linker wrap these calls of tzio's own code and of no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace tz::test {

/// A read on its way to the kernel.
struct ReadCall {
    std::uint64_t number = 0; ///< how many reads came before, by io_uring and by threads
    bool ring = false;        ///< by io_uring, not by preadv
    bool direct = false;      ///< past the page cache
};

/// What becomes of it. Whatever a read does not deliver is scribbled over: devices may do that too.
struct ReadFate {
    int error = 0;                    ///< it fails with this, if not 0
    std::size_t bytes_max = SIZE_MAX; ///< it delivers no more
};

/// What the kernel says of the page cache.
enum class Cache { real, hot, cold, unknown };

struct Faults {
    /// Decides on each read, on the thread that makes it. May change the file meanwhile.
    std::function<ReadFate(const ReadCall&)> read{};
    /// What the n-th io_uring_submit returns instead of submitting.
    std::function<std::optional<int>(std::uint64_t number)> submit{};
    /// What the n-th write by io_uring fails with, if not 0; it is made all the same.
    std::function<int(std::uint64_t number)> ring_write{};
    /// Cancellations by io_uring are not made, and complete with this, if not 0.
    int cancel_error = 0;
    int direct_open_error = 0; ///< open with O_DIRECT fails with this, if not 0
    Cache cache = Cache::real;
};

/// Puts faults in place as long as it lives: one at a time, and no load may outlive it.
class FaultyKernel {
public:
    explicit FaultyKernel(Faults faults);
    ~FaultyKernel();
    FaultyKernel(const FaultyKernel&) = delete;
    FaultyKernel& operator=(const FaultyKernel&) = delete;

    std::uint64_t reads() const;        ///< all of them
    std::uint64_t ring_reads() const;   ///< by io_uring
    std::uint64_t direct_reads() const; ///< past the page cache
    std::uint64_t ring_writes() const;
    std::uint64_t submits() const;

    struct State;

private:
    std::shared_ptr<State> state_;
};

} // namespace tz::test
