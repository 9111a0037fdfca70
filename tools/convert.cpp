// `tz convert`, `tz encrypt`, `tz decrypt`: tensors from file to file.
#include <tz/engine/convert.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/model.hpp>
#include <tz/protocols/open_target.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/convert_manifest.hpp>
#include <tz/tools/early_end.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/network_text.hpp>
#include <tz/tools/progress.hpp>
#include <tz/tools/secrets.hpp>
#include <tz/tools/trace_file.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

using format::FileFormat;

/// What `destination` is called tells its format, where the user doesn't.
FileFormat format_of(const ConvertArguments& arguments) {
    if (arguments.format)
        return *arguments.format;
    const std::string path = arguments.destination.substr(0, arguments.destination.find('?'));
    if (path.ends_with(".safetensors"))
        return FileFormat::safetensors;
    if (path.ends_with(".tensors") || arguments.encrypts)
        return FileFormat::tensors;
    throw Error(
        errc::usage,
        "the name does not say which format to write",
        {},
        "end it in .tensors or .safetensors, or give --format")
        .in(printable(without_secrets(arguments.destination)));
}

std::vector<std::pair<std::string, std::string>>
parse_metadata(const std::vector<std::string>& entries) {
    std::vector<std::pair<std::string, std::string>> metadata;
    for (const std::string& entry : entries) {
        const std::size_t end = entry.find('=');
        if (end == entry.npos)
            throw Error(
                errc::usage, fmt::format("--metadata: '{}' is not NAME=TEXT", printable(entry)));
        metadata.emplace_back(entry.substr(0, end), entry.substr(end + 1));
    }
    return metadata;
}

ConvertOptions
convert_options(const ConvertArguments& arguments, const Log& log, const std::stop_token& stop) {
    const auto warn = [&log](const std::string& text) { log(LogLevel::warning, text); };
    ConvertOptions options;
    options.format = format_of(arguments);
    options.tensors.crc32 = arguments.crc32;
    options.tensors.sha256 = arguments.sha256;
    options.tensors.alignment = arguments.alignment;
    options.tensors.like_pip = arguments.like_pip;
    if (!arguments.key_file.empty())
        options.tensors.key = read_key_file(arguments.key_file, warn, stop);
    if (!arguments.password_file.empty())
        options.tensors.password = read_password_file(arguments.password_file, warn, stop);
    options.metadata = parse_metadata(arguments.metadata);
    options.shard_bytes_max = arguments.shard_bytes_max;
    options.floats = arguments.floats;
    // parts of an upload are held until they are whole
    options.side_by_side = arguments.destination.find("://") == std::string::npos;
    if (arguments.encrypts && !options.tensors.key && !options.tensors.password)
        throw Error(
            errc::usage,
            "nothing to encrypt with",
            {},
            "give --key-file, which `tz keygen` makes, or --password-file");
    return options;
}

void check_destination(const std::string& destination) {
    std::error_code ignored;
    if (destination.ends_with('/') || std::filesystem::is_directory(destination, ignored))
        throw Error(errc::usage, "this is a folder", {}, "give the name of the file")
            .in(printable(without_secrets(destination)));
}

/// `tz encrypt` takes one key, that of what it writes.
void check_plain(const Model& model, std::span<const format::Layout> layouts) {
    for (std::size_t i = 0; i < layouts.size(); ++i)
        if (layouts[i].encrypted)
            throw Error(
                errc::usage,
                "the file is encrypted already",
                {},
                "`tz convert --key-file OLD --encrypt-key-file NEW` gives it another key")
                .in(model.sources[i]->name());
}

Json to_json(const Converted& converted, const std::vector<WrittenManifest>& manifests) {
    const LoadStats& stats = converted.stats;
    Json json = result("tz-convert/1");
    for (const std::string& file : converted.files)
        json["files"].push_back(printable(without_secrets(file)));
    for (const WrittenManifest& written : manifests)
        json["manifests"].push_back(to_json(written));
    json["lost"] = converted.lost;
    json["tensors"] = stats.tensors;
    json["bytes"] = stats.bytes;
    json["bytes_written"] = converted.bytes_written;
    add_copied(json, stats);
    return json;
}

std::string to_text(const Converted& converted, const std::vector<WrittenManifest>& manifests) {
    const std::size_t files = converted.files.size();
    std::string text = fmt::format(
        "wrote {} tensor{} to {} file{}, {} in {:.2f} s, {}\n",
        converted.stats.tensors,
        converted.stats.tensors == 1 ? "" : "s",
        files,
        files == 1 ? "" : "s",
        size_text(converted.bytes_written),
        converted.stats.seconds,
        rate_text(converted.stats.bytes, converted.stats.seconds));
    for (const WrittenManifest& written : manifests)
        text += to_text(written);
    return text;
}

/// What the engine says of a load, which the user did not ask for.
Error of_conversion(const Error& error) {
    std::string what;
    if (error.kind() == errc::cancelled)
        what = "the conversion was cancelled";
    if (error.kind() == errc::deadline)
        what = "the conversion did not end in time";
    if (what.empty())
        return error;
    const Error named(error.kind(), what, {}, error.hint());
    return error.source().empty() ? named : named.in(error.source());
}

} // namespace

int run_convert(const Options& options, const ConvertArguments& arguments) try {
    EarlyEnd early(options.load.deadline, arguments.destination); // before the engine's threads
    Console console;
    const Log log = console_log(console, options);
    check_destination(arguments.destination);
    ConvertOptions converting = convert_options(arguments, log, early.token());
    const std::optional<ManifestWish> wish = manifest_wish(arguments, early.token());
    const bool beside = wish && converting.format == FileFormat::safetensors;
    const Sidecars sidecars(arguments, beside ? &*wish : nullptr);
    if (!beside)
        converting.tensors.manifest = wish;
    LoadOptions load = options.load;
    load.verify = options.verify.value_or(Verify::automatic);
    load.stop = early.token();
    load.begun = early.begun();
    read_secrets(options, log, load);

    EngineOptions engine_options = options.engine;
    engine_options.log = log;
    Engine engine(std::move(engine_options));
    ProgressReport report(console, options.shown_progress());
    load.progress = [&](const Progress& now) { report.update(options.measured->progress = now); };
    load.trace = begin_trace(options);
    const Model model =
        open_model(engine, options.files, options.network, options.direct, log, load);
    load.check_layouts = model.check;
    if (arguments.encrypts)
        load.check_layouts = [&model](std::span<const format::Layout> layouts) {
            if (model.check)
                model.check(layouts);
            check_plain(model, layouts);
        };
    const auto existing = arguments.force ? Existing::replaced : Existing::refused;
    const auto make_target = sidecars.checked(open_target(options.network, existing, log));
    const Converted converted =
        convert(engine, model.sources, arguments.destination, make_target, converting, load);
    const auto manifests =
        beside ? sidecars.write(engine, options, converted, load) : manifests_inside(converted);
    early.before_results();
    report.finish();
    options.measured->stats = converted.stats;
    warn_of_stale(converted, manifests, log);
    for (const std::string& lost : converted.lost)
        log(LogLevel::warning, "not kept: " + lost);
    const std::string more =
        converted.files.size() > 1 ? fmt::format(" and {} more", converted.files.size() - 1) : "";
    write_after("wrote " + without_secrets(converted.files.front()) + more, [&] {
        if (options.json)
            write_json(to_json(converted, manifests));
        else if (!options.quiet)
            write_result(to_text(converted, manifests));
    });
    return 0;
} catch (const Error& error) {

    throw of_conversion(error);
}

} // namespace tz::cli
