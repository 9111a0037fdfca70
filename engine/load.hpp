// The public entry: load() reads the tensors of files into memory, verified and decrypted.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/stats.hpp>
#include <tz/format/error.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

class Source; ///< where bytes come from; made by open_file() of tz/protocols/file.hpp

/// What a load got from one file. Movable; spans stay valid as long as `memory` is held by anyone,
/// or, with Memory::given, as long as the caller's memory is.
struct LoadedFile {
    /// The wanted tensors in file order; slices with their own shapes and sizes.
    format::Layout layout;
    /// Bytes of each, in the same order; empty with Memory::none or `headers_only`. Aligned to 64
    /// bytes at least unless the memory is the caller's.
    std::vector<std::span<std::byte>> tensors;
    std::shared_ptr<const void> memory;
    std::size_t tensors_total = 0;              ///< in the file, wanted or not
    std::uint64_t bytes_total = 0;              ///< of all its tensors
    std::vector<format::TensorHeader> headers;  ///< when asked for
    std::vector<format::Sha256> digests;        ///< when asked for
    std::vector<format::Sha256> header_digests; ///< when asked for, of files that have headers
};

/// A finished load of one file.
struct Loaded : LoadedFile {
    LoadStats stats;
};

/// A finished load of several files.
struct LoadedFiles {
    std::vector<LoadedFile> files; ///< as the sources were given
    LoadStats stats;
};

/// A load into the caller's memory (Memory::given) that failed on the way. Tensors that are
/// not listed may be partly written.
class PartialLoad : public Error {
public:
    struct Tensor {
        std::size_t file;
        std::string name; ///< as format::display_name() gives it
    };

    PartialLoad(const Error& error, std::vector<Tensor> complete)
        : Error(error),
          complete_(std::move(complete)) {}

    /// The tensors that are whole and verified.
    const std::vector<Tensor>& complete() const noexcept { return complete_; }

private:
    std::vector<Tensor> complete_;
};

/// The threads, rings and staging memory of loads. Lives across loads; loads on one Engine run one
/// after another. Thread-safe, but a callback of a load must not load on the engine that calls
/// it. Outlives the loads that were started on it: its destructor waits for those of async_load().
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

/// Loads the wanted tensors of `source`. Blocks the calling thread; returns or throws only when
/// every read and every job of the load has ended. Throws the first `tz::Error`, naming the source;
/// then nothing of the load is left behind but what was delivered.
Loaded load(Engine& engine, std::shared_ptr<const Source> source, const LoadOptions& options = {});

/// The same for several files at once, in one budget of memory. A key or password is for all of
/// them.
LoadedFiles load(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const LoadOptions& options = {});

/// The index alone.
format::Layout read_layout(Engine& engine, std::shared_ptr<const Source> source);

} // namespace tz
