// Where bytes come from. Immutable, shared by all lanes of the loads that use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace tz {

class Loop;
class Mapping;
class Reader;
struct ReadCounters;

/// Made by open_file() of tz/protocols/file.hpp. Programs ask for its name and size; the virtual
/// functions are what lanes use, and may change with any version.
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
