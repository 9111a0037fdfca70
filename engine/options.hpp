// What callers can set. Engine settings hold for an Engine's life, load settings for one load.
#pragma once

#include <tz/engine/selection.hpp>
#include <tz/engine/trace.hpp>
#include <tz/format/seal.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace tz {

class Sink;
struct CheckedManifest; ///< of manifest_check.hpp

/// How reads reach the kernel. `automatic` takes io_uring where the kernel grants it.
enum class Io { automatic, uring, threads };

/// Whether file reads bypass the page cache. `automatic` decides for each chunk: cached pages are
/// copied, others are read from the device.
enum class Direct { automatic, on, off };

/// Which stored hashes are checked, on the bytes that are delivered. MACs always are.
enum class Verify {
    automatic, ///< CRC-32, else SHA-256; MACs alone if encrypted; nothing with Memory::mapped
    none,      ///< nothing but MACs
    crc32,     ///< CRC-32; a tensor without one is an error
    sha256,    ///< SHA-256; a tensor without one is an error
    all,       ///< every stored hash; a tensor without any is an error
};

/// Where tensors end up.
enum class Memory {
    owned, ///< memory of the result
    /// The file's own pages, private to the process (what is written to them never reaches the
    /// file), for plain tensors that are aligned in the file as their elements ask (a float32 to 4
    /// bytes); owned memory for others. Nothing is copied; hashes are checked only if asked for.
    /// While they are in use nobody may cut the file short, which ends the process (SIGBUS), or
    /// write to it, which may show.
    mapped,
    /// `mapped` where no hash goes unchecked by it: files that have none (safetensors), unless
    /// `verify` asks for some; or any with Verify::none. Else `owned`. For all files of a load.
    automatic,
    given, ///< memory of the caller, see `LoadOptions::destination`
    none,  ///< nowhere: read, verified, decrypted and dropped, or given to a sink
};

enum class LogLevel { debug, info, warning };

/// One line of printable text without secrets. Called on any thread; must not throw or block long.
using Log = std::function<void(LogLevel, const std::string&)>;

struct EngineOptions {
    Io io = Io::automatic;
    /// Threads that run coroutines and submit reads; 0: as many as the sources need (1 for files).
    unsigned loops = 0;
    /// Threads that verify, decrypt and touch memory; 0: the cores this process may use.
    unsigned workers = 0;
    /// Chunks in flight at once, over all loops; 0: as many as pay (16 for files, 24 to a GPU; near
    /// servers, which answer within 5 ms, begin with 4 and go up to 32, others with 16, up to 64).
    unsigned concurrency = 0;
    /// Bytes a chunk covers, rounded up to 4096, from 64 KiB to 256 MiB; 0: what pays (4 MiB; 8 MiB
    /// for near servers, and for others where `memory_limit` is 512 MiB or more).
    std::size_t chunk_bytes = 0;
    /// Most staging memory, whatever the tensor sizes.
    std::size_t memory_limit = 256ull << 20;
    Log log;
};

/// How far a load has come.
enum class Phase { index, tensors };

/// Time that chunks spent in each stage, waiting included, summed over the lanes. By Stage.
using StageSeconds = std::array<double, stages>;

struct Progress {
    Phase phase = Phase::index;
    std::uint64_t bytes_done = 0;  ///< bytes of tensor data, as read, that are through all stages
    std::uint64_t bytes_total = 0; ///< 0 until the index is read
    std::uint64_t tensors_done = 0;
    std::uint64_t tensors_total = 0;
    StageSeconds stage_seconds{}; ///< so far
};

/// A tensor that is complete: read, verified and decrypted.
struct Delivered {
    std::size_t file; ///< which of the load's sources it is from
    /// As it is handed out: a slice with its own shape and size. Gone when the callback returns.
    const format::Tensor& tensor;
    std::span<std::byte> bytes; ///< empty with Memory::none
    /// Keeps `bytes` valid, beyond the load too, even one that fails later; null where the memory
    /// is the caller's.
    std::shared_ptr<const void> memory;
};

struct LoadOptions {
    Verify verify = Verify::automatic;
    Memory memory = Memory::owned;
    Selection selection;
    /// With Memory::given: where a tensor shall go, called once for each wanted tensor before any
    /// data is read, on the thread that called load(). The memory must be as large as
    /// `tensor.bytes` and stay until load() returns; it may be partly written when that throws.
    std::function<std::span<std::byte>(std::size_t file, const format::Tensor& tensor)> destination;
    /// With Memory::none: what takes the bytes instead. Outlives the load, and serves no other.
    Sink* sink = nullptr;
    /// Called for each tensor once it is complete, in the order of the load (file order, unless
    /// `selection.order` says otherwise), on the thread that called load(), while others are still
    /// being read. What it throws ends the load and comes out of load(). What was delivered stays
    /// valid whatever happens later; that nobody wrote to the file meanwhile is known only when
    /// load() returns.
    std::function<void(const Delivered&)> deliver;
    /// Called with what the files hold once that is known, before any data is read, on the thread
    /// that called load(). What it throws ends the load and comes out of load().
    std::function<void(std::span<const format::Layout> layouts)> check_layouts;
    /// Collects what each lane did when.
    std::shared_ptr<Trace> trace;
    /// 32 bytes for encrypted files; or a password. At most one of them.
    std::shared_ptr<const format::Secret> key;
    std::shared_ptr<const format::Secret> password;
    /// What deriving a password's key may cost at most: above it the load fails with errc::limit.
    /// To be raised only for files of somebody trusted.
    format::DerivationLimits derivation_max;
    /// Also computes the SHA-256 of each tensor's plaintext (`Loaded::digests`).
    bool digests = false;
    /// Reads and checks tensor headers, no data; needs no key. `keep_headers` keeps them.
    bool headers_only = false;
    /// Keeps the parsed tensor headers (`Loaded::headers`); what their hashes cover only with
    /// `headers_only`, which looks at none of them.
    bool keep_headers = false;
    /// Computes the SHA-256 of each tensor header (`Loaded::header_digests`).
    bool header_digests = false;
    /// By source: what check_manifest() gave; null or missing: none. Index and tensor headers are
    /// compared with it as they arrive, whichever tensors are wanted. Of data that is not sealed
    /// all pieces that something is wanted of are read and compared with those that the manifest
    /// lists. Where it lists none, the data must have a SHA-256 in its header, which is checked
    /// whatever `verify` says; files whose format has none are an error (errc::usage).
    std::vector<std::shared_ptr<const CheckedManifest>> manifests;
    /// Longest time the load may take, waiting for other loads of the engine included; at its end
    /// it fails with errc::deadline. What is under way on a worker is waited for: at most one key
    /// derivation (`derivation_max`), one chunk, or one gathered tensor; and a read that
    /// the kernel holds.
    std::optional<std::chrono::nanoseconds> deadline;
    /// From when `deadline` counts, for several calls that share one; else each has it from its own
    /// beginning.
    std::optional<std::chrono::steady_clock::time_point> begun;
    /// Stops the load with errc::cancelled.
    std::stop_token stop;
    /// Called on the thread that called load(), about ten times a second and once at the end. What
    /// it throws ends the load and comes out of load().
    std::function<void(const Progress&)> progress;
};

} // namespace tz
