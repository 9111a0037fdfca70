// How lanes read a Source: each has a Reader of its own, and all count what they do.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/buffer.hpp>
#include <tz/engine/source.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tz {

/// What the readers of one load have done. Written by any thread.
struct ReadCounters {
    std::atomic<std::uint64_t> bytes = 0;
    std::atomic<std::uint64_t> direct_bytes = 0;
    std::atomic<std::uint64_t> retries = 0;
    std::atomic<std::uint64_t> cpu_nanoseconds = 0; ///< of threads other than loops
};

/// Adds the CPU time that the calling thread takes in its scope.
class CpuCount {
public:
    explicit CpuCount(ReadCounters& counters);
    ~CpuCount();
    CpuCount(const CpuCount&) = delete;
    CpuCount& operator=(const CpuCount&) = delete;

private:
    ReadCounters& counters_;
    std::uint64_t began_;
};

/// How the bytes of a range are best had.
enum class Route {
    cached,   ///< at hand without the device: a worker copies them; memory of any alignment
    buffered, ///< through the page cache or a socket; memory of any alignment
    direct,   ///< past the page cache; offset and memory aligned
};

/// One lane's private handle on a Source. Made, used and destroyed on its loop's thread; the Source
/// and the loop outlive it. One read at a time.
class Reader {
public:
    virtual ~Reader() = default;

    /// Asked before each read. Cheap.
    virtual Route route(std::uint64_t offset, std::size_t bytes) = 0;

    /// Fills `to`, in order, with the bytes from `offset` on: at least the first `need` of them,
    /// else it throws `tz::Error` (errc::io, errc::object_changed where the source ends sooner). On
    /// Route::direct, offset and all spans are multiples of `Source::alignment()`; the source may
    /// end inside the last ones. Spans and memory stay until completion.
    virtual awaitable<void>
    read(Route route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) = 0;
};

} // namespace tz
