// What this machine can do at best with a file's bytes, by means other than the engine: the
// ceilings that loads are held against.
#pragma once

#include <tz/tools/bench_entry.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tz::bench {

/// Ways to get the whole of `file`, named with the number of threads. Warm: pread into fresh huge
/// pages, fresh 4 KiB pages and reused buffers, and a copy from the mapped file. Cold: pread past
/// the page cache and through it, and fio (io_uring, O_DIRECT) where `fio` says so.
struct CeilingOptions {
    unsigned cores = 1;
    bool fio = false;
    std::stop_token stop; ///< ends a sample with errc::cancelled
};

std::vector<Entry>
file_ceilings(const std::string& file, Cache cache, const CeilingOptions& options);

/// memcpy, CRC-32, SHA-256 and the opening of sealed pieces, each on one core, by the functions of
/// the library and by those of OpenSSL and libsodium alone, over memory larger than the caches near
/// the core.
std::vector<Entry> stage_ceilings();

/// TCP of this machine to itself, from memory to memory: a thread at each end, whose CPU time
/// counts together.
Entry loopback_ceiling();

/// Copies of pinned memory to each of these GPUs, in one stream and nothing else under way: what a
/// load to it can at best be. Where `devices` says nothing, to the first GPU, if this build has
/// CUDA and there is one to use; one that was asked for and isn't there is dropped with its reason.
std::vector<Entry> device_ceilings(const std::optional<std::vector<int>>& devices);

// Names that `Entry::stages` uses.
inline constexpr const char* stage_crc32 = "CRC-32";
inline constexpr const char* stage_sha256 = "SHA-256";
inline constexpr const char* stage_open = "secretbox open";

} // namespace tz::bench
