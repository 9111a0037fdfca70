// `tz uploads`: uploads that nobody has ended, listed and aborted.
#include <tz/engine/load.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_uploads.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/signals.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace tz::cli {

namespace {

std::string time_text(std::chrono::sys_seconds time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time.time_since_epoch().count()));
}

std::string name_of(const std::string& bucket, const UnfinishedUpload& upload) {
    return "s3://" + printable(bucket + "/" + upload.key);
}

std::string
to_text(const std::string& bucket, const std::vector<UnfinishedUpload>& uploads, bool aborted) {
    std::string text;
    for (const UnfinishedUpload& upload : uploads)
        text += fmt::format(
            "{}  {}  {}\n",
            time_text(upload.initiated),
            name_of(bucket, upload),
            printable(upload.upload_id));
    if (aborted)
        text += fmt::format("aborted {}\n", uploads.size());
    return text;
}

Json to_json(
    const std::string& bucket, const std::vector<UnfinishedUpload>& uploads, bool aborted) {
    Json json = result("tz-uploads/1");
    json["uploads"] = Json::array();
    for (const UnfinishedUpload& upload : uploads) {
        Json one;
        one["target"] = name_of(bucket, upload);
        one["upload_id"] = printable(upload.upload_id);
        one["initiated"] = time_text(upload.initiated);
        json["uploads"].push_back(std::move(one));
    }
    json["aborted"] = aborted;
    return json;
}

} // namespace

int run_uploads(const Options& options, const UploadsArguments& arguments) {
    const StopOnSignal stop;
    Console console;
    const Log log = console_log(console, options);
    if (scheme_of(arguments.uri) != "s3")
        throw Error(
            errc::usage, "this is no s3:// URI", {}, "write s3://BUCKET or s3://BUCKET/PREFIX")
            .in(printable(arguments.uri));
    const std::string bucket = parse_s3_prefix(arguments.uri).bucket;
    EngineOptions engine_options;
    engine_options.log = log;
    Engine engine(std::move(engine_options));
    std::vector<UnfinishedUpload> uploads =
        unfinished_uploads(engine, arguments.uri, options.network, stop.token(), log);
    if (arguments.older_than) {
        const auto now = std::chrono::system_clock::now();
        std::erase_if(uploads, [&](const UnfinishedUpload& upload) {
            return now - upload.initiated < *arguments.older_than;
        });
    }
    if (arguments.abort)
        abort_uploads(engine, arguments.uri, uploads, options.network, stop.token(), {}, log);
    if (options.json)
        write_json(to_json(bucket, uploads, arguments.abort));
    else
        write_result(to_text(bucket, uploads, arguments.abort));
    return 0;
}

} // namespace tz::cli
