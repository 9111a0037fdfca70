// What every command of `tz manifest` needs: engine, key, signals, deadline, messages, progress.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/manifest_find.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/options.hpp>
#include <tz/tools/progress.hpp>

#include <optional>
#include <string>

namespace tz::cli {

/// Lives as long as the command. `options` outlives it.
class ManifestSession {
public:
    explicit ManifestSession(const Options& options);

    Engine& engine() { return *engine_; }

    /// With key or password, the deadline of the whole command, Ctrl-C and progress.
    const LoadOptions& waiting() const { return waiting_; }

    std::stop_token stop() const { return early_.token(); }

    /// The file and its sidecar.
    ManifestPlaces places(const std::string& address, bool sidecar_first) const;

    /// The work is done, and results follow.
    void finish();

private:
    const Options& options_;
    EarlyEnd early_; ///< before the engine's threads
    Console console_;
    Log log_;
    LoadOptions waiting_;
    std::optional<Engine> engine_;
    ProgressReport progress_;
};

} // namespace tz::cli
