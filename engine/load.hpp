// The public entry: load() reads a source's tensors into memory, verified and decrypted.
#pragma once

#include <tz/engine/memory.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// Facts of one load.
struct LoadStats {
    std::uint64_t bytes = 0; ///< of tensors handed out, or dropped with Memory::none
    std::uint64_t tensors = 0;
    double seconds = 0; ///< from the call to its return
    double cpu_seconds =
        0; ///< of the whole process in that time, kernel threads of io_uring included
    double loop_cpu_seconds = 0;     ///< of the loop threads alone
    std::uint64_t staging_bytes = 0; ///< staging memory that was touched
    std::uint64_t read_bytes = 0;    ///< read from the source, alignment and headers included
    std::uint64_t direct_bytes = 0;  ///< of these, read past the page cache
    std::uint64_t retries = 0;       ///< reads repeated after a passing fault
    std::string io;                  ///< "uring" or "threads"
    unsigned loops = 0;
    unsigned workers = 0;
    unsigned lanes = 0;
    std::size_t chunk_bytes = 0;
};

/// A finished load. Movable; spans stay valid as long as `memory` is held by anyone.
struct Loaded {
    format::Layout layout;
    /// Bytes of each tensor in file order, each aligned to 64 bytes at least; empty with
    /// Memory::none or `headers_only`.
    std::vector<std::span<std::byte>> tensors;
    std::shared_ptr<HostMemory> memory;
    std::vector<format::TensorHeader> headers; ///< when asked for
    std::vector<format::Sha256> digests;       ///< when asked for
    LoadStats stats;
};

/// The threads, rings and staging memory of loads. Lives across loads; loads on one Engine run one
/// after another. Thread-safe, but a progress callback must not load on the engine that calls
/// it.
class Engine {
public:
    /// Throws `tz::Error`: errc::usage where options cannot hold together, errc::io where io_uring
    /// was demanded and is not to be had.
    explicit Engine(EngineOptions options = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const EngineOptions& options() const; ///< with all defaults filled in
    /// "uring" or "threads", and why not uring.
    std::string io() const;
    std::string io_reason() const;

    struct State; ///< for load.cpp

    State& state() { return *state_; }

private:
    std::unique_ptr<State> state_;
};

/// Loads all tensors of `source`. Blocks the calling thread; returns or throws only when every read
/// and every job of the load has ended. Throws the first `tz::Error`, naming the source; then
/// nothing of the load is left behind.
Loaded load(Engine& engine, std::shared_ptr<const Source> source, const LoadOptions& options = {});

/// The index alone.
format::Layout read_layout(Engine& engine, std::shared_ptr<const Source> source);

} // namespace tz
