// `tz checksum`: the SHA-256 of each tensor's data, and of the list itself.
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/name.hpp>
#include <tz/tools/checksum_line.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/device.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>

#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace tz::cli {

namespace {

// Names of several keys are stored as byte 1E and a JSON array: here, the array. Others stand as
// they are.
std::string_view line_name(std::string_view stored) {
    return stored.starts_with('\x1e') ? stored.substr(1) : stored;
}

std::string lines_of(const LoadedFile& loaded) {
    std::string lines;
    for (std::size_t i = 0; i < loaded.digests.size(); ++i)
        lines += checksum_line(loaded.digests[i], line_name(loaded.layout.tensors[i].name));
    return lines;
}

Json to_json(const LoadedInputs& loaded, const format::Sha256& all) {
    Json tensors = Json::array();
    for (const LoadedFile& file : loaded.files)
        for (std::size_t i = 0; i < file.digests.size(); ++i)
            tensors.push_back(
                {{"name", format::display_name(file.layout.tensors[i].name)},
                 {"sha256", format::hex(file.digests[i])}});
    Json json = result("tz-checksum/1");
    if (loaded.names.size() == 1)
        json["file"] = loaded.names.front();
    else
        json["files"] = loaded.names;
    json["sha256"] = format::hex(all);
    json["tensors"] = std::move(tensors);
    return json;
}

// Control characters of names stay in files, and off terminals.
std::string shown(const std::string& lines) {
    if (::isatty(STDOUT_FILENO) != 1)
        return lines;
    std::string safe;
    for (std::size_t begin = 0; begin < lines.size();) {
        const std::size_t end = lines.find('\n', begin);
        safe += printable(std::string_view(lines).substr(begin, end - begin)) + "\n";
        begin = end + 1;
    }
    return safe;
}

LoadedInputs load_with_digests(const Options& options, LoadOptions load) {
    load.digests = true;
    return load_files(options, std::move(load));
}

/// Sums of what is on the devices.
LoadedInputs load_and_read_back(const Options& options, const LoadOptions& load) {
    OnDevices devices;
    LoadedInputs loaded = load_to_devices(options, load, devices);
    auto sums = checksums_on_devices(devices);
    for (std::size_t i = 0; i < loaded.files.size(); ++i)
        loaded.files[i].digests = std::move(sums[i]);
    return loaded;
}

} // namespace

int run_checksum(const Options& options) {
    check_decrypt_on(options);
    LoadOptions load = options.load;
    load.verify = options.verify.value_or(Verify::automatic);
    load.memory = Memory::none;
    const LoadedInputs loaded = options.devices.empty() ? load_with_digests(options, load)
                                                        : load_and_read_back(options, load);
    std::string lines;
    for (const LoadedFile& file : loaded.files)
        lines += lines_of(file);
    const format::Sha256 all = format::sha256(std::as_bytes(std::span(lines)));
    if (options.json)
        write_json(to_json(loaded, all));
    else
        write_result(shown(lines) + checksum_line(all, "-"));
    return 0;
}

} // namespace tz::cli
