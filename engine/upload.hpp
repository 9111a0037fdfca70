// A source copied to a Target, whatever its bytes mean: the opposite of fetch().
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/stats.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace tz {

class Target;

struct UploadOptions {
    std::optional<std::chrono::nanoseconds> deadline;           ///< as LoadOptions has it
    std::optional<std::chrono::steady_clock::time_point> begun; ///< and this
    std::stop_token stop;
    /// As LoadOptions has it; what it counts as tensors are files.
    std::function<void(const Progress&)> progress;
    /// As LoadOptions has it; what is written to the target is put.
    std::shared_ptr<Trace> trace;
};

/// Each lane reads a piece of `source` and writes it to `target`, which is published at the end:
/// not if the source changed meanwhile. Memory is the engine's staging. Blocks until everything
/// has ended. Throws the first `tz::Error`, and then the target was abandoned; errc::limit too
/// where the target's pieces are larger than the memory limit.
LoadStats upload(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    Target& target,
    const UploadOptions& options = {});

} // namespace tz
