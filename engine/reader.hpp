// How lanes read a Source: each has a Reader of its own, and all count what they do.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/buffer.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/checksum.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tz {

/// What the readers of one host have done in one load. Written by any thread.
struct ReadCounters {
    std::atomic<std::uint64_t> bytes = 0; ///< counted as they arrive, not when a read is complete
    std::atomic<std::uint64_t> direct_bytes = 0;
    std::atomic<std::uint64_t> retries = 0;
    std::atomic<std::uint64_t> requests = 0;        ///< sent to a server, second ones included
    std::atomic<std::uint64_t> connections = 0;     ///< opened
    std::atomic<std::uint64_t> hedged = 0;          ///< requests sent a second time, being late
    std::atomic<std::uint64_t> hedges_won = 0;      ///< of these second ones, answered first
    std::atomic<std::uint64_t> throttles = 0;       ///< answers that asked for fewer requests
    std::atomic<unsigned> waiting = 0;              ///< reads that servers have yet to end
    std::atomic<std::uint64_t> refetched = 0;       ///< came damaged at first; see refetch.hpp
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

/// One lane's private handle on a Source: what it reads with, be it a descriptor or a connection.
/// Made, used and destroyed on its loop's thread; the Source and the loop outlive it. One read at a
/// time. Making one does not wait: a connection is opened by the first read.
class Reader {
public:
    virtual ~Reader() = default;

    /// Reads the start of a source whose size is not known (`Source::bytes_known()`), learning its
    /// size and its version from the answer. Fills as much of `first` as the source has, and
    /// returns how much that is. Several readers of a source may begin at the same time.
    virtual awaitable<std::size_t> begin([[maybe_unused]] std::span<std::byte> first) {
        assert(!"only for sources that don't know their size");
        co_return 0;
    }

    /// The checksum of all bytes of the source that its server has, once begin() has told the
    /// version; may take a request. Nothing where there is none, or it can't be had.
    virtual awaitable<std::optional<format::Checksum>> checksum() {
        std::optional<format::Checksum> none;
        co_return none;
    }

    /// Goes on with `source`, which has the same host, on the connection that there is. False where
    /// it can't; then it stays with what it had.
    virtual bool retarget([[maybe_unused]] const Source& source) { return false; }

    /// The next read comes over a connection that is opened for it, since what came over the last
    /// one was damaged. Means nothing to files.
    virtual void renew_connection() {}

    /// Asked before each read. Cheap.
    virtual Route route(std::uint64_t offset, std::size_t bytes) = 0;

    /// Fills `to`, in order, with the bytes from `offset` on: at least the first `need` of them,
    /// else it throws `tz::Error` (errc::io, errc::object_changed where the source ends sooner). On
    /// Route::direct, offset and all spans are multiples of `Source::alignment()`; the source may
    /// end inside the last ones. Spans and memory stay until completion.
    virtual awaitable<void>
    read(Route route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) = 0;
};

/// Makes present what is fresh of `to`, on the calling thread.
void touch_fresh(std::span<const Buffer> to);

/// Lets a worker make present what is fresh of `to`, for readers that then fill it on the loop's
/// thread, which must not page-fault.
awaitable<void> touch_fresh(Loop& loop, std::span<const Buffer> to, ReadCounters& counters);

} // namespace tz
