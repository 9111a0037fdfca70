// Facts of one load, and what they say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tz {

/// What one step took, over all chunks of a load.
struct StageStats {
    std::uint64_t bytes = 0;
    double cpu_seconds = 0;  ///< of the threads that did it
    double wait_seconds = 0; ///< chunks spent in it without a core, summed over the lanes
};

struct LoadStats {
    std::uint64_t bytes = 0; ///< of tensors handed out, or dropped with Memory::none
    std::uint64_t tensors = 0;
    double seconds = 0; ///< from when no other load used the engine to the return
    double cpu_seconds =
        0; ///< of the whole process in that time, kernel threads of io_uring included
    double loop_cpu_seconds = 0;     ///< of the loop threads alone
    std::uint64_t staging_bytes = 0; ///< staging memory that was touched
    std::uint64_t read_bytes = 0;    ///< read from the sources, alignment and headers included
    std::uint64_t direct_bytes = 0;  ///< of these, read past the page cache
    std::uint64_t mapped_bytes = 0;  ///< handed out as pages of the file itself
    std::uint64_t gap_bytes = 0;     ///< of these, between what is wanted, and read through
    std::uint64_t retries = 0;       ///< reads repeated after a passing fault
    std::uint64_t requests = 0;      ///< sent to servers, retries and second ones included
    std::uint64_t connections = 0;   ///< opened to servers
    std::uint64_t throttles = 0;     ///< answers of servers that asked for fewer requests
    /// Pieces, tensors and chunks with headers that came damaged from servers, and were right when
    /// they were fetched once more.
    std::uint64_t refetched = 0;
    std::uint64_t hedged = 0;     ///< requests sent a second time, being late
    std::uint64_t hedges_won = 0; ///< of these second ones, answered first
    std::string io;               ///< "uring" or "threads"
    unsigned loops = 0;
    unsigned workers = 0;
    unsigned lanes = 0; ///< the most that worked at one time
    std::size_t chunk_bytes = 0;

    StageStats read; ///< from the sources; waiting is for the device
    /// For a free worker, a header, a key, or the turn in a hash; a chunk counts each time.
    StageStats wait;
    StageStats verify;          ///< CRC-32 and SHA-256; bytes count once for each
    StageStats decrypt;         ///< MACs and decryption; derivation of keys is not in it
    StageStats copy;            ///< from where it was read to where it belongs
    StageStats put;             ///< given to a sink; all of its time counts as waiting
    double source_seconds = 0;  ///< while at least one read waited for a device
    double sink_seconds = 0;    ///< while at least one chunk was given to a sink
    double deliver_seconds = 0; ///< in the caller's delivery callback
};

enum class Bound { source, cores, sink, delivery };

/// What kept a load from being faster, and how near it came to that.
struct Verdict {
    Bound bound = Bound::source;
    double share = 0;        ///< of the ceiling, at most 1
    double ceiling_gb_s = 0; ///< 1e9 bytes handed out a second
    std::string stage;       ///< that took most of it: "read", "verify", "decrypt" or "copy"
    double stage_share = 0;  ///< of the CPU time of all stages, where the cores are the bound
};

/// The bound is what took the largest share of the load: the cores, by the CPU time of the process;
/// the source and the sink, by how long the average lane waited for it; the delivery callback, by
/// its time. The ceiling of the cores is what the workers' threads could do at the CPU seconds a
/// byte that the load took; of the source, its rate while a read was waiting, of the sink likewise;
/// of the delivery, its callback's rate.
Verdict verdict_of(const LoadStats& stats);

/// The verdict in one sentence, without a full stop.
std::string explain(const LoadStats& stats);

} // namespace tz
