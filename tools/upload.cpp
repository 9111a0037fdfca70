// `tz upload`: copies a source to an object in S3.
#include <tz/engine/source.hpp>
#include <tz/engine/target.hpp>
#include <tz/engine/upload.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/s3_upload.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/local_path.hpp>
#include <tz/tools/progress.hpp>
#include <tz/tools/trace_file.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <fmt/format.h>

#include <optional>

namespace tz::cli {

namespace {

// A key that ends in '/' takes the object under the name it has at its source.
std::string destination_of(const UploadArguments& arguments) {
    if (scheme_of(arguments.destination) != "s3")
        throw Error(
            errc::usage, "only s3://BUCKET/KEY can be uploaded to", {}, "use tz fetch or cp")
            .in(printable(arguments.destination));
    if (!arguments.destination.ends_with('/'))
        return arguments.destination;
    return arguments.destination + file_name_of(arguments.source);
}

Json to_json(const Source& source, const Target& target, const LoadStats& stats) {
    Json json = result("tz-upload/1");
    json["source"] = printable(source.name());
    json["target"] = printable(target.name());
    json["bytes"] = stats.bytes;
    json["seconds"] = stats.seconds;
    json["gb_per_s"] = gb_per_s(stats.bytes, stats.seconds);
    json["cpu_seconds"] = stats.cpu_seconds;
    json["loop_cpu_seconds"] = stats.loop_cpu_seconds;
    json["staging_bytes"] = stats.staging_bytes;
    json["part_bytes"] = stats.chunk_bytes;
    json["io"] = stats.io;
    json["loops"] = stats.loops;
    json["workers"] = stats.workers;
    json["concurrency"] = stats.lanes;
    return json;
}

} // namespace

int run_upload(const Options& options, const UploadArguments& arguments) {
    EarlyEnd early(options.load.deadline, arguments.destination); // before the engine's threads
    Console console;
    const Log log = console_log(console, options);
    check_single_file(arguments.source);
    const std::shared_ptr<const Source> source =
        open(arguments.source, options.network, options.direct, log);

    EngineOptions engine_options = options.engine;
    engine_options.log = log;
    Engine engine(std::move(engine_options));
    const std::shared_ptr<Target> target = s3_target(
        destination_of(arguments),
        options.network,
        arguments.force ? Existing::replaced : Existing::refused,
        log,
        arguments.part_bytes);
    ProgressReport report(console, options.shown_progress());
    UploadOptions uploading;
    uploading.deadline = options.load.deadline;
    uploading.begun = early.begun();
    uploading.stop = early.token();
    uploading.progress = [&](const Progress& now) {
        report.update(options.measured->progress = now);
    };
    uploading.trace = begin_trace(options);
    const LoadStats stats = upload(engine, source, *target, uploading);
    early.before_results();
    report.finish();
    options.measured->stats = stats;
    write_after("wrote " + target->name(), [&] {
        if (options.json)
            write_json(to_json(*source, *target, stats));
        else if (!options.quiet)
            write_result(fmt::format(
                "uploaded {} in {:.2f} s, {}\n",
                size_text(stats.bytes),
                stats.seconds,
                rate_text(stats.bytes, stats.seconds)));
    });
    return 0;
}

} // namespace tz::cli
