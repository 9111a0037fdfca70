// Where a new object's bytes go: a local file or an object of a server.
#pragma once

#include <tz/engine/async.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace tz {

class Loop;

/// How a target takes bytes.
struct TargetShape {
    /// Bytes of each write but the last, which begins at a multiple of it; 0: any range in any
    /// order.
    std::uint64_t part_bytes = 0;
};

/// Appears whole under its name when published, or not at all: its destructor leaves nothing behind
/// that it can remove. All failures are `tz::Error`s that name it.
class Target {
public:
    virtual ~Target() = default;
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    /// For people: the path or the URL without secrets.
    const std::string& name() const { return name_; }

    /// What writes must look like for an object of `bytes`.
    virtual TargetShape shape(std::uint64_t bytes) const = 0;

    /// Before the first write, which may come on any loop of the engine.
    virtual awaitable<void> begin(Loop& loop, std::uint64_t bytes) = 0;

    /// `bytes` stay valid until it ends. Several at once, on any loops; each range once, unless it
    /// failed.
    virtual awaitable<void>
    write(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) = 0;

    /// Makes what was written durable, after the last write, so that publish() takes little time:
    /// targets that belong together are all made durable first.
    virtual awaitable<void> sync(Loop& loop);

    /// Makes the whole durable and gives it its name. After the last write.
    virtual awaitable<void> publish(Loop& loop) = 0;

    /// Removes what was written. After a failure; bounded in time, and what waits for a server has
    /// given that up by `until`. Throws nothing but std::bad_alloc: what is left then goes with the
    /// target, where it can.
    virtual awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) = 0;

protected:
    explicit Target(std::string name) : name_(std::move(name)) {}

private:
    std::string name_;
};

} // namespace tz
