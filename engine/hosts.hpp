// The hosts of one load: what their readers have done, and the connections that wait for a lane.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/engine/reader.hpp>
#include <tz/engine/source.hpp>
#include <tz/engine/stats.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// Sources that one lane can serve: the files of this machine, or the objects of one server.
struct Host {
    std::string name;                   ///< as `Source::host()` says
    std::vector<std::uint32_t> sources; ///< by their places in the load
    ReadCounters read;
};

/// Lives as long as the load, so that a connection that brought an index goes on to bring tensors.
class Hosts {
public:
    using Sources = std::span<const std::shared_ptr<const Source>>;

    explicit Hosts(Sources sources);
    /// Closes the connections that are left, each on its loop.
    ~Hosts();
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;

    std::span<const std::unique_ptr<Host>> all() const { return hosts_; }

    Host& of(std::uint32_t source) const { return *hosts_[host_of_[source]]; }

    const Source& source(std::uint32_t source) const { return *sources_[source]; }

    /// A Reader for `source`, with a connection that waits on `loop`, if there is one. On the
    /// loop's thread, as keep() is.
    std::unique_ptr<Reader> reader(std::uint32_t source, Loop& loop);

    /// Leaves the connection of a Reader, now of `source`, which has nothing to do and no failure
    /// behind it, to whoever needs one next.
    void keep(std::unique_ptr<Reader> reader, std::uint32_t source, Loop& loop);

    /// What all of them have read.
    void add_to(LoadStats& stats) const;
    std::uint64_t cpu_nanoseconds() const;

private:
    void close_some();

    /// A Reader without a lane; it stays with its loop.
    struct Idle {
        std::unique_ptr<Reader> reader;
        std::uint32_t source;
        Loop* loop;
    };

    Sources sources_;
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::size_t> host_of_; ///< by source
    std::mutex mutex_;                 ///< of `idle_`
    std::vector<Idle> idle_;           ///< at most one a lane
};

} // namespace tz
