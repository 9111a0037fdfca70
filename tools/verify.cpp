// `tz verify`: reads a whole file and checks the hashes that it stores.
#include <tz/format/error.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/units.hpp>
#include <tz/tools/uri_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

// What there was to check and was checked: a load that came to its end has checked it.
std::vector<std::string> checked(Verify verify, const LoadedFile& loaded) {
    const auto any = [&](auto has) {
        return std::any_of(loaded.headers.begin(), loaded.headers.end(), has);
    };
    const bool all = verify == Verify::all;
    const bool automatic = verify == Verify::automatic && !loaded.layout.encrypted;
    std::vector<std::string> names;
    if ((all || automatic || verify == Verify::crc32) &&
        any([](const format::TensorHeader& header) { return header.crc32.has_value(); }))
        names.push_back("crc32");
    if ((all || automatic || verify == Verify::sha256) &&
        any([&](const format::TensorHeader& header) {
            return header.sha256.has_value() && !(automatic && header.crc32.has_value());
        }))
        names.push_back("sha256");
    if (any([](const format::TensorHeader& header) { return header.seal.has_value(); }))
        names.push_back("mac");
    return names;
}

std::string
to_text(const std::string& name, const LoadedFile& loaded, const std::vector<std::string>& names) {
    const std::size_t tensors = loaded.layout.tensors.size();
    return fmt::format(
        "{}: OK ({} tensor{}, {}, {})\n",
        name,
        tensors,
        tensors == 1 ? "" : "s",
        size_text(loaded.layout.total_bytes()),
        names.empty() ? "no hash checked" : fmt::to_string(fmt::join(names, "+")));
}

Json to_json(
    const std::string& name, const LoadedFile& loaded, const std::vector<std::string>& names) {
    Json json;
    json["file"] = name;
    json["tensors"] = loaded.layout.tensors.size();
    json["bytes"] = loaded.layout.total_bytes();
    json["checked"] = names;
    return json;
}

/// What is said of files, in words and as JSON.
struct Report {
    std::string lines;
    Json files = Json::array();
    LoadStats stats; ///< of the last load
};

void check_into(const Options& options, Report& report) {
    LoadOptions load = options.load;
    load.verify = options.verify.value_or(Verify::all);
    load.memory = Memory::none;
    load.keep_headers = true;
    const LoadedInputs loaded = load_files(options, load);
    for (std::size_t i = 0; i < loaded.files.size(); ++i) {
        auto names = checked(load.verify, loaded.files[i]);
        if (i < loaded.manifests.size() && loaded.manifests[i])
            names.emplace_back("manifest");
        report.lines += to_text(loaded.names[i], loaded.files[i], names);
        report.files.push_back(to_json(loaded.names[i], loaded.files[i], names));
    }
    report.stats = loaded.stats;
}

/// Whether the others are to be looked at after such a failure of one. A selection and a deadline
/// are of all of them together.
bool goes_on_after(const Error& error, const Options& options) {
    if (options.files.size() < 2 || !options.load.selection.everything() || options.load.deadline)
        return false;
    switch (error.kind()) {
    case errc::format:
    case errc::integrity:
    case errc::auth:
    case errc::unsupported:
    case errc::not_found:
    case errc::denied:
    case errc::transport:
    case errc::object_changed:
    case errc::io:
        return true;
    default:
        return false;
    }
}

void write_failed(const Options& options, Report report) {
    if (options.json) {
        Json json = result("tz-verify/1");
        json["ok"] = false;
        json["files"] = std::move(report.files);
        write_json(json);
    } else if (!options.quiet) {
        write_result(report.lines);
    }
}

/// Once more one by one, after all of them at once, which is faster, failed. Throws the first error
/// when all have been looked at, and says the others.
[[noreturn]] void verify_each(const Options& options) {
    Report report;
    std::optional<Error> first;
    Options one = options;
    one.trace_file.clear(); // it shows how all of them at once failed
    for (const std::string& file : options.files) {
        one.files = {file};
        try {
            check_into(one, report);
        } catch (const Error& error) {
            if (!goes_on_after(error, options))
                throw;
            report.files.push_back(
                {{"file", printable(without_secrets(file))}, {"error", error.what()}});
            if (first)
                report_failure("tz", error);
            else
                first = error;
        }
    }
    write_failed(options, std::move(report));
    if (!first) // it was right the second time
        throw Error(errc::object_changed, "a file changed while it was checked", {}, "try again");
    throw *first;
}

} // namespace

int run_verify(const Options& options) {
    Report report;
    try {
        check_into(options, report);
    } catch (const Error& error) {
        if (!goes_on_after(error, options))
            throw;
        verify_each(options);
    }
    if (options.json) {
        Json json = result("tz-verify/1");
        json["ok"] = true;
        if (report.files.size() == 1)
            json.update(report.files.front());
        else
            json["files"] = report.files;
        json["seconds"] = report.stats.seconds;
        json["gb_per_s"] = gb_per_s(report.stats.bytes, report.stats.seconds);
        write_json(json);
    } else if (!options.quiet) {
        write_result(report.lines);
    }
    return 0;
}

} // namespace tz::cli
