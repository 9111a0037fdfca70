// `tz verify`: reads a whole file and checks the hashes that it stores.
#include <tz/format/error.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
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
    if ((all || verify == Verify::sha256) &&
        any([](const format::TensorHeader& header) { return header.sha256.has_value(); }))
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

} // namespace

int run_verify(const Options& options) {
    LoadOptions load = options.load;
    load.verify = options.verify.value_or(Verify::all);
    load.memory = Memory::none;
    load.keep_headers = true;
    const LoadedInputs loaded = load_files(options, load);
    std::string lines;
    Json files = Json::array();
    for (std::size_t i = 0; i < loaded.files.size(); ++i) {
        auto names = checked(load.verify, loaded.files[i]);
        if (i < loaded.manifests.size() && loaded.manifests[i])
            names.emplace_back("manifest");
        lines += to_text(loaded.names[i], loaded.files[i], names);
        files.push_back(to_json(loaded.names[i], loaded.files[i], names));
    }
    if (options.json) {
        Json json = result("tz-verify/1");
        json["ok"] = true;
        if (files.size() == 1)
            json.update(files.front());
        else
            json["files"] = files;
        json["seconds"] = loaded.stats.seconds;
        json["gb_per_s"] = gb_per_s(loaded.stats.bytes, loaded.stats.seconds);
        write_json(json);
    } else if (!options.quiet) {
        write_result(lines);
    }
    return 0;
}

} // namespace tz::cli
