// One schedule of faults: what is loaded or saved, in which way, and what goes wrong when. A pure
// function of a seed and a number, the same on every machine; no I/O.
#pragma once

#include "failing_calls.hpp"
#include <tz/engine/options.hpp>
#include <tz/format/error.hpp>
#include <tz/tests/support/fault_schedule.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tz::soak {

/// Where bytes come from or go to.
enum class Road { file, http, s3, save };

/// What a file holds. `gathered` is sealed in pieces that no chunk holds whole.
enum class Content { plain, hashed, packed, sealed, gathered, safetensors };

enum class Place { owned, given, none, mapped, device };

/// What becomes of a file of this machine.
enum class Change {
    none,
    damaged,
    cut,
    cut_during,
    rewritten_during,
    replaced_during,
    removed_during
};

/// By which way a file is written.
enum class Saving { tensors, safetensors, convert, convert_to_s3, upload_to_s3 };

inline constexpr std::size_t contents = 6;
inline constexpr std::size_t shapes = 3;

/// The read of that number (or all up to `last`) fails or comes back short.
struct ReadFault {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    int error = 0;
    std::size_t bytes_max = SIZE_MAX;
};

/// The nth call (1 is the first) of that function of CUDA fails.
struct DeviceFault {
    std::string_view name;
    unsigned nth = 1;
};

struct Plan {
    std::uint64_t seed = 0;
    std::uint64_t number = 0;
    Road road = Road::file;
    Content content = Content::plain;
    std::size_t shape = 0;
    Place place = Place::owned;

    Io io = Io::automatic;
    Direct direct = Direct::automatic;
    unsigned cache = 0; ///< what the kernel says of the page cache: test::Cache
    unsigned loops = 1;
    unsigned workers = 1;
    unsigned concurrency = 0;
    std::size_t chunk_bytes = 64 << 10;
    Verify verify = Verify::automatic;
    bool digests = false;
    bool hedge = false;

    std::vector<ReadFault> reads{};
    Change change = Change::none;
    std::uint64_t change_at = 0; ///< the byte; of `..._during` the read
    test::Schedule network{};    ///< of http, s3 and saves to s3
    bool quick_timeouts = false; ///< so that faults that hang end soon
    std::optional<DeviceFault> device_fault{};

    Saving saving = Saving::tensors;
    bool replaces = false; ///< a file or object has the name already
    std::vector<FailingCall> writes{};

    std::optional<std::chrono::milliseconds> deadline{};
    std::optional<std::uint64_t> cancel_at{}; ///< the read or request at which the load is stopped
};

/// Which roads are drawn; all, if none is given.
using Roads = std::vector<Road>;

Plan draw_plan(std::uint64_t seed, std::uint64_t number, const Roads& roads = {});

/// One line, with all that was drawn.
std::string to_string(const Plan& plan);

/// "file", "http", "s3", "save"; throws std::invalid_argument for another.
Road road_of(std::string_view name);

/// Whether changed bytes of data are noticed.
bool verified(const Plan& plan);

/// What a plan may come to: exactly right, if `right`; or an error of one of these kinds.
struct Expectation {
    bool right = true;
    std::set<errc> errors{};
};

Expectation expectation(const Plan& plan);

/// The time after which it is late: what its deadline says and 2 s, or the limit for loads without.
std::chrono::milliseconds late_after(const Plan& plan);

/// FNV-1a of a text, continued from `hash`: two runs that print the same one drew the same.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325);

} // namespace tz::soak
