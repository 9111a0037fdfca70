// Sources copied to files as fast as they can be read: whatever their bytes mean.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/stats.hpp>
#include <tz/format/tensorizer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace tz {

struct FetchFile {
    std::shared_ptr<const Source> source;
    std::string path; ///< of the file to write; its folder is there
    /// Of its bytes. Checked when they are all there, from the page cache: they come in no order.
    /// Where there is none, the checksum that a server tells of the whole object takes its place.
    std::optional<format::Sha256> sha256;
};

struct FetchOptions {
    bool replace = false; ///< what has a path of these already; else errc::usage
    std::optional<std::chrono::nanoseconds> deadline;           ///< as LoadOptions has it
    std::optional<std::chrono::steady_clock::time_point> begun; ///< and this
    std::stop_token stop;
    /// As LoadOptions has it; what it counts as tensors are files. Not called before all sizes are
    /// known.
    std::function<void(const Progress&)> progress;
    /// As LoadOptions has it; what is written to a file is put. What comes with the first answer of
    /// a server, up to 1 MiB of a file, is not in it.
    std::shared_ptr<Trace> trace;
};

/// Writes each source to a temporary file beside its path, makes all of them durable, and then
/// gives them their names, one after another: a path never holds a part of a file. Memory is what
/// the engine's limit says. Blocks until everything has ended. Throws the first `tz::Error`, and
/// then the temporary files are gone: errc::limit where a filesystem lacks room, errc::integrity
/// for another SHA-256 or checksum, errc::usage for paths that are taken. What the result counts as
/// tensors are files.
LoadStats fetch(Engine& engine, std::span<const FetchFile> files, const FetchOptions& options = {});

} // namespace tz
