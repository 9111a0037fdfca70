#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/model.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/progress.hpp>
#include <tz/tools/requirement.hpp>
#include <tz/tools/secrets.hpp>
#include <tz/tools/trace_file.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

const char* prefix(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return "debug: ";
    case LogLevel::info:
        return "";
    case LogLevel::warning:
        return "warning: ";
    }
    return "";
}

// Those that are demanded.
std::vector<std::shared_ptr<const CheckedManifest>> check_manifests(
    Engine& engine,
    const Model& model,
    const Options& options,
    const LoadOptions& load,
    const Log& log) {
    std::vector<std::shared_ptr<const CheckedManifest>> manifests;
    ManifestOptions wanted;
    wanted.require = read_requirement(options.require, options.subject, load.stop);
    if (!wanted.require.demands())
        return manifests;
    wanted.contents = false; // which the load reads
    wanted.waiting = load;
    wanted.waiting.progress = {};
    for (std::size_t i = 0; i < model.sources.size(); ++i) {
        const ManifestPlaces places{
            model.sources[i],
            open_sidecar(model.addresses[i], options.network, options.direct, log)};
        manifests.push_back(check_manifest(engine, places, wanted));
    }
    return manifests;
}

} // namespace

Log console_log(Console& console, const Options& options) {
    const auto from = options.log_from();
    if (!from)
        return [](LogLevel, const std::string&) {};
    return [&console, from](LogLevel level, const std::string& text) {
        if (level >= *from)
            console.line(fmt::format("tz: {}{}", prefix(level), text));
    };
}

void read_secrets(const Options& options, const Log& log, LoadOptions& load) {
    const auto warn = [&log](const std::string& text) { log(LogLevel::warning, text); };
    if (!options.key_file.empty())
        load.key = read_key_file(options.key_file, warn, load.stop);
    if (!options.password_file.empty())
        load.password = read_password_file(options.password_file, warn, load.stop);
}

std::shared_ptr<Trace> begin_trace(const Options& options) {
    if (options.trace_file.empty())
        return nullptr;
    Measured& measured = *options.measured;
    measured.trace = std::make_shared<TraceFile>(options.trace_file, "tz " + measured.command);
    return measured.trace->trace();
}

LoadedInputs load_files(const Options& options, LoadOptions load, const Load& way) {
    EarlyEnd early(load.deadline); // before the engine's threads
    Console console;
    const Log log = console_log(console, options);
    load.stop = early.token();
    load.begun = early.begun();
    read_secrets(options, log, load);
    EngineOptions engine_options = options.engine;
    engine_options.log = log;
    Engine engine(std::move(engine_options));
    ProgressReport progress(console, options.shown_progress());
    load.progress = [&](const Progress& now) { progress.update(options.measured->progress = now); };
    load.trace = begin_trace(options);
    const Model model =
        open_model(engine, options.files, options.network, options.direct, log, load);
    load.check_layouts = model.check;
    LoadedInputs loaded;
    for (const auto& source : model.sources) {
        loaded.names.push_back(printable(source->name()));
        loaded.remote = loaded.remote || !source->host().empty();
    }
    load.manifests = loaded.manifests = check_manifests(engine, model, options, load, log);
    static_cast<LoadedFiles&>(loaded) =
        way ? way(engine, model.sources, load) : tz::load(engine, model.sources, load);
    early.before_results();
    progress.finish();
    options.measured->stats = loaded.stats;
    return loaded;
}

} // namespace tz::cli
