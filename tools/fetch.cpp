// `tz fetch`: copies sources to files.
#include <tz/engine/fetch.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/local_path.hpp>
#include <tz/tools/network_text.hpp>
#include <tz/tools/progress.hpp>
#include <tz/tools/trace_file.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

format::Sha256 parse_sha256(const std::string& text) {
    format::Sha256 digest{};
    const bool digits = text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
    if (!digits || text.size() != 2 * digest.size())
        throw Error(
            errc::usage, fmt::format("--sha256: '{}' is not 64 hex digits", printable(text)));
    for (std::size_t i = 0; i < digest.size(); ++i) {
        unsigned value = 0;
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, value, 16);
        digest[i] = static_cast<std::byte>(value);
    }
    return digest;
}

// A folder takes the file under the name it has at its source.
std::string path_in(const std::string& destination, const std::string& source) {
    std::error_code ignored;
    const bool slash = destination.ends_with('/');
    if (std::filesystem::is_directory(destination, ignored))
        return destination + (slash ? "" : "/") + file_name_of(source);
    if (slash || destination.empty())
        throw Error(errc::not_found, "there is no such folder").in(destination);
    return destination;
}

std::vector<FetchFile>
files_of(const Options& options, const FetchArguments& arguments, const Log& log) {
    std::vector<std::string> words{arguments.source};
    words.insert(words.end(), arguments.further.begin(), arguments.further.end());
    if (words.size() % 2 != 0)
        throw Error(
            errc::usage, "the last SRC has no DST", {}, "give one for each, or a folder for each");
    const std::size_t count = words.size() / 2;
    if (!arguments.sha256.empty() && arguments.sha256.size() != count)
        throw Error(
            errc::usage,
            fmt::format("{} SHA-256 for {} files", arguments.sha256.size(), count),
            {},
            "give --sha256 once for each SRC");
    std::vector<FetchFile> files(count);
    for (std::size_t i = 0; i < count; ++i) {
        check_single_file(words[2 * i]);
        files[i].path = path_in(words[2 * i + 1], words[2 * i]);
        files[i].source = open(words[2 * i], options.network, options.direct, log);
        if (!arguments.sha256.empty())
            files[i].sha256 = parse_sha256(arguments.sha256[i]);
    }
    return files;
}

Json to_json(const std::vector<FetchFile>& files, const LoadStats& stats) {
    Json json = result("tz-fetch/1");
    for (const FetchFile& file : files) {
        Json one;
        one["source"] = printable(file.source->name());
        one["file"] = printable(file.path);
        one["bytes"] = file.source->bytes();
        one["sha256"] = file.sha256 ? Json(format::hex(*file.sha256)) : Json();
        json["files"].push_back(std::move(one));
    }
    json["bytes"] = stats.bytes;
    add_copied(json, stats);
    return json;
}

std::string to_text(const std::vector<FetchFile>& files, const LoadStats& stats) {
    const bool remote = std::any_of(files.begin(), files.end(), [](const FetchFile& file) {
        return !file.source->host().empty();
    });
    return fmt::format(
        "fetched {} file{}, {} in {:.2f} s, {}\n{}",
        files.size(),
        files.size() == 1 ? "" : "s",
        size_text(stats.bytes),
        stats.seconds,
        rate_text(stats.bytes, stats.seconds),
        remote ? network_text(stats) : "");
}

} // namespace

int run_fetch(const Options& options, const FetchArguments& arguments) {
    EarlyEnd early(options.load.deadline); // before the engine's threads
    Console console;
    const Log log = console_log(console, options);
    const std::vector<FetchFile> files = files_of(options, arguments, log);

    EngineOptions engine_options = options.engine;
    engine_options.log = log;
    Engine engine(std::move(engine_options));
    ProgressReport report(console, options.shown_progress());
    FetchOptions fetching;
    fetching.replace = arguments.force;
    fetching.deadline = options.load.deadline;
    fetching.begun = early.begun();
    fetching.stop = early.token();
    fetching.progress = [&](const Progress& now) {
        report.update(options.measured->progress = now);
    };
    fetching.trace = begin_trace(options);
    const LoadStats stats = fetch(engine, files, fetching);
    early.before_results();
    report.finish();
    options.measured->stats = stats;
    const std::string more = files.size() > 1 ? fmt::format(" and {} more", files.size() - 1) : "";
    write_after("wrote " + files.front().path + more, [&] {
        if (options.json)
            write_json(to_json(files, stats));
        else if (!options.quiet)
            write_result(to_text(files, stats));
    });
    return 0;
}

} // namespace tz::cli
