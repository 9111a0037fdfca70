// Where bytes come from. A Source is shared by all lanes and immutable; each lane has a Reader of
// its own.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/buffer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tz {

class Loop;
class Mapping;

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

class Source {
public:
    virtual ~Source() = default;

    /// For people: the path or the URL without secrets.
    const std::string& name() const { return name_; }

    /// Size in bytes, taken when the source was opened.
    std::uint64_t bytes() const { return bytes_; }

    /// Alignment of offsets, sizes and memory that reads past the cache need; a power of two.
    virtual std::size_t alignment() const = 0;
    /// A Reader for one lane of `loop`. `counters` outlives it.
    virtual std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const = 0;

    /// The whole source as memory; null where it is none. Throws `tz::Error`.
    virtual std::shared_ptr<const Mapping> map() const { return nullptr; }

    /// Throws `tz::Error` (errc::object_changed) if this is no longer what was opened. Called when
    /// a load has read everything. May block briefly.
    virtual void check_unchanged() const = 0;

protected:
    Source(std::string name, std::uint64_t bytes) : name_(std::move(name)), bytes_(bytes) {}

private:
    std::string name_;
    std::uint64_t bytes_;
};

} // namespace tz
