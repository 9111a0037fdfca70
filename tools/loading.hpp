// What every command does that reads a file: engine, key, signals, messages, progress.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/trace.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/options.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz::cli {

/// Writes messages from `options.log_from()` on to `console`, which outlives the result.
Log console_log(Console& console, const Options& options);

/// Reads `options.key_file` or `options.password_file`, where given, into `load`.
void read_secrets(const Options& options, const Log& log, LoadOptions& load);

/// What the run is to record its timeline in; null where `options.trace_file` names no file.
std::shared_ptr<Trace> begin_trace(const Options& options);

/// What a load got, and from where.
struct LoadedInputs : LoadedFiles {
    std::vector<std::string> names; ///< of the sources, without secrets and printable
    bool remote = false;            ///< a server took part
    /// Of the sources; null where a file has none, empty where none was demanded.
    std::vector<std::shared_ptr<const CheckedManifest>> manifests;
};

/// How sources are loaded.
using Load = std::function<LoadedFiles(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const LoadOptions& load)>;

/// Loads `options.files` as `load` says, by their manifests where some are demanded, until Ctrl-C.
/// Throws what open() and load() throw. By tz::load(), unless another way is given.
LoadedInputs load_files(const Options& options, LoadOptions load, const Load& way = {});

} // namespace tz::cli
