// The things that are timed against each other, and the rounds that time them in turn.
#pragma once

#include <tz/tools/bench_sample.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace tz::bench {

enum class Role {
    load,   ///< ours
    peer,   ///< another loader
    source, ///< a way to get the bytes of the file: what a load can at best be
    stage,  ///< one step of a load alone, on one core, in memory
};

enum class Cache { warm, cold, none };

/// Why an entry was dropped from a run.
enum class Failed {
    no,
    missing,     ///< it isn't there, or can't load the file
    crashed,     ///< it ended with an error, or reported nothing that makes sense
    timed_out,   ///< it was ended when its time was over
    wrong_bytes, ///< its tensors hold other bytes
};

/// "missing", "wrong_bytes" and so on; empty for `no`.
const char* failed_name(Failed failed);

/// One thing that is timed, and what came out.
struct Entry {
    Role role = Role::load;
    Cache cache = Cache::none;
    std::string name{};
    std::string version{}; ///< of a peer, where it is known
    std::string file{};    ///< path; empty for stages
    /// The file or folder that is read, where that is another one with the same tensors.
    std::string reads{};
    /// For loads: the file whose sources it is held against, if that is another one of the same
    /// size.
    std::string against{};
    /// The bytes end up in memory that nobody had touched, all of them at once.
    bool delivers = false;
    /// The file's own pages are handed out: no rate of copying bounds that.
    bool maps = false;
    /// Touched and freed just before each sample.
    std::size_t memory_bytes = 0;
    /// For loads: names of the stages their bytes pass besides the source.
    std::vector<std::string> stages{};
    /// For loads: the share of its bytes in the largest tensor, which is hashed in order (SHA-256).
    double largest_share = 0;
    /// What a sample's CRC-32 has to be where it reports one.
    std::optional<std::uint32_t> crc32{};
    /// Takes one sample.
    std::function<Sample()> run{};

    std::vector<Sample> samples{}; ///< one a round, unless `failure` is set
    Failed failed = Failed::no;    ///< whether it was dropped from the run
    std::string failure{};         ///< why, for people
    bool unsteady = false;         ///< more samples are disturbed than may be left out
};

struct RoundOptions {
    unsigned rounds = 7;
    unsigned warmup = 1;
    /// No further round begins that would probably end later than this; one is always run.
    double seconds_max = 0; ///< 0: no such limit
    std::stop_token stop;
    /// Told before each sample: round from 0, rounds, entry.
    std::function<void(unsigned, unsigned, const Entry&)> progress;
};

/// Each round takes one sample of every entry, warm ones first, in an order that shifts from round
/// to round, so that a neighbour's burst doesn't always hit the same entry. A peer or ceiling that
/// fails is dropped with its reason; a failing load of ours throws. Returns the number of rounds. A
/// stop ends it with the rounds that are complete, and the samples of these alone; where there is
/// none it throws `tz::Error` (errc::cancelled).
unsigned run_rounds(std::vector<Entry>& entries, const RoundOptions& options);

/// Decides which samples the figures leave out: see bench_disturbed.hpp.
void leave_out_disturbed(std::vector<Entry>& entries, unsigned cores);

} // namespace tz::bench
