// The options that commands share. `tz` and `tz-bench` declare them with the same words.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>
#include <tz/tools/measured.hpp>
#include <tz/tools/progress.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tz::cli {

/// Who decrypts what goes to a GPU.
enum class DecryptOn { automatic, cpu, gpu };

/// What the shared options said. `load` holds no `verify`, key or password yet.
struct Options {
    std::vector<std::string> files; ///< paths and URLs; one, but for commands that take several
    NetworkOptions network;
    EngineOptions engine;
    Direct direct = Direct::automatic;
    LoadOptions load;
    std::optional<Verify> verify; ///< if it was said; what is usual differs from command to command
    std::string key_file;
    std::string password_file;
    std::string require = "none";       ///< of manifests, see requirement.hpp
    std::optional<std::string> subject; ///< that manifests must name
    std::string trace_file;
    std::string metrics_file;
    /// What the run came to; a command fills it in as it goes. Never null.
    std::shared_ptr<Measured> measured = std::make_shared<Measured>();
    std::vector<int> devices; ///< numbers of GPUs; none: memory of the host
    DecryptOn decrypt_on = DecryptOn::automatic;
    ShowProgress progress = ShowProgress::automatic;
    std::optional<LogLevel> log_level = LogLevel::warning; ///< nothing is logged without one
    int verbose = 0;
    bool quiet = false;
    bool json = false;

    /// The least level to log, after -v and -q.
    std::optional<LogLevel> log_from() const;

    /// The only one.
    const std::string& file() const { return files.front(); }

    /// After -q.
    ShowProgress shown_progress() const;
};

// Each adds options to `app` that are stored in `options`, which outlives the parsing.

void add_file(CLI::App& app, Options& options);
/// One or more.
void add_files(CLI::App& app, Options& options);
/// --include, --exclude.
void add_selection_options(CLI::App& app, Options& options);
/// --io, --direct, --concurrency, --chunk-size, --memory-limit, --workers, --loops.
void add_engine_options(CLI::App& app, Options& options);
/// --deadline.
void add_deadline_option(CLI::App& app, Options& options);
/// --key-file, --password-file, --kdf-max-passes, --kdf-max-memory.
void add_key_options(CLI::App& app, Options& options);
/// --require, --subject.
void add_requirement_options(CLI::App& app, Options& options);
/// --verify, those of add_key_options(), --deadline.
void add_load_options(CLI::App& app, Options& options);
/// --trace.
void add_trace_option(CLI::App& app, Options& options);
/// --metrics-file.
void add_metrics_option(CLI::App& app, Options& options);
/// --memory.
void add_memory_option(CLI::App& app, Options& options);
/// --device, --decrypt-on.
void add_device_option(CLI::App& app, Options& options);
/// --progress, --verbose, --quiet, --log-level.
void add_message_options(CLI::App& app, Options& options);
/// --json.
void add_json_option(CLI::App& app, bool& json);

} // namespace tz::cli
