// Where bytes come from. Immutable, shared by all lanes of the loads that use it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace tz::format {
struct Layout;
}

namespace tz {

class Loop;
class Mapping;
class Pacer;
class Reader;
struct ReadCounters;

/// What a kind of source likes best. What the caller sets wins, and so does the memory limit.
struct Preference {
    std::size_t chunk_bytes = 4 << 20;
    unsigned lanes = 16;     ///< to start with
    unsigned lanes_max = 16; ///< that its Pacer may ask for
    unsigned loops = 1;
};

/// A connection carries about 0.1 GB/s, and each request costs a flight: larger chunks, more lanes.
inline constexpr Preference remote_preference{8 << 20, 16, 64, 1};

/// A few connections to one that is near fill a loop, and more of them only cost: their staging
/// does not stay in the cache. Where they bring more, the Pacer finds out; so many fit into the
/// usual memory with the large chunks.
inline constexpr Preference near_preference{8 << 20, 4, 32, 1};

/// Made by open_file() of tz/protocols/file.hpp. Programs ask for its name and size; the virtual
/// functions are what lanes use, and may change with any version.
class Source {
public:
    virtual ~Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    /// For people: the path or the URL without secrets.
    const std::string& name() const { return name_; }

    /// Whether bytes() is known: always of a file; of a remote source since its first answer.
    bool bytes_known() const { return bytes_ != unknown; }

    /// Size in bytes, taken when the source was opened, or with its first answer. 0 until then.
    std::uint64_t bytes() const { return bytes_known() ? bytes_.load() : 0; }

    /// Sources with the same host share lanes, connections and a pace. Empty: files of this
    /// machine; else what a connection leads to.
    virtual std::string host() const { return {}; }

    /// The same for all sources of a host. Asked again when the first bytes have come.
    virtual Preference preference() const { return {}; }

    /// Says how many lanes, at most `lanes_max`, shall work for the host, which starts with
    /// `lanes`; null: that many all the time. Asked once a load, of one source of each host.
    virtual std::unique_ptr<Pacer> pacer(unsigned lanes, unsigned lanes_max) const;

    /// Alignment of offsets, sizes and memory that reads past the cache need; a power of two.
    virtual std::size_t alignment() const { return 1; }

    /// A Reader for one lane of `loop`. `counters` outlives it.
    virtual std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const = 0;

    /// What it holds, where that is known without reading it. Stays as long as the source.
    virtual const format::Layout* layout() const { return nullptr; }

    /// The whole source as memory; null where it is none. Throws `tz::Error`.
    virtual std::shared_ptr<const Mapping> map() const { return nullptr; }

    /// Throws `tz::Error` (errc::object_changed) if this is no longer what was opened. Called when
    /// a load has read everything. May block briefly. A remote source has nothing to do here: each
    /// answer has told which version it is of.
    virtual void check_unchanged() const {}

protected:
    Source(std::string name, std::uint64_t bytes) : name_(std::move(name)), bytes_(bytes) {}

    /// A remote source, before anything was asked of it.
    explicit Source(std::string name) : name_(std::move(name)) {}

    /// Makes the size known. False where it is known already, as another one. Any thread.
    bool learn_bytes(std::uint64_t bytes) const {
        std::uint64_t known = unknown;
        return bytes_.compare_exchange_strong(known, bytes) || known == bytes;
    }

private:
    static constexpr std::uint64_t unknown = UINT64_MAX;

    std::string name_;
    mutable std::atomic<std::uint64_t> bytes_ = unknown;
};

} // namespace tz
