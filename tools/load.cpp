// `tz load`: one load, and what it took.
#include <tz/format/error.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/device.hpp>
#include <tz/tools/device_text.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/network_text.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>

namespace tz::cli {

namespace {

// Of this program alone; getrusage() also counts what the shell was before it became us.
std::uint64_t peak_rss_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        std::string name;
        std::uint64_t kib = 0;
        if (std::istringstream(line) >> name >> kib && name == "VmHWM:")
            return kib * 1024;
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

const char* name_of(Memory memory) {
    switch (memory) {
    case Memory::owned:
        return "owned";
    case Memory::mapped:
        return "mapped";
    case Memory::automatic:
        return "auto";
    case Memory::given:
        return "given";
    case Memory::none:
        return "none";
    }
    return "unknown";
}

const char* name_of(Bound bound) {
    switch (bound) {
    case Bound::source:
        return "source";
    case Bound::cores:
        return "cores";
    case Bound::sink:
        return "sink";
    case Bound::delivery:
        return "delivery";
    }
    return "unknown";
}

Json to_json(const StageStats& stage) {
    return {
        {"bytes", stage.bytes},
        {"cpu_seconds", stage.cpu_seconds},
        {"wait_seconds", stage.wait_seconds}};
}

Json to_json(const LoadedInputs& loaded, const Options& options) {
    const LoadStats& stats = loaded.stats;
    Json json = result("tz-load/1");
    if (loaded.names.size() == 1)
        json["file"] = loaded.names.front();
    else
        json["files"] = loaded.names;
    json["memory"] = options.devices.empty() ? name_of(options.load.memory) : "device";
    json["bytes"] = stats.bytes;
    json["tensors"] = stats.tensors;
    json["seconds"] = stats.seconds;
    json["gb_per_s"] = gb_per_s(stats.bytes, stats.seconds);
    json["cpu_seconds"] = stats.cpu_seconds;
    json["loop_cpu_seconds"] = stats.loop_cpu_seconds;
    json["peak_rss_bytes"] = peak_rss_bytes();
    json["staging_bytes"] = stats.staging_bytes;
    json["io"] = stats.io;
    json["read_bytes"] = stats.read_bytes;
    json["direct_bytes"] = stats.direct_bytes;
    json["mapped_bytes"] = stats.mapped_bytes;
    json["gap_bytes"] = stats.gap_bytes;
    add_requests(json, stats);
    json["refetched"] = stats.refetched;
    json["loops"] = stats.loops;
    json["workers"] = stats.workers;
    json["concurrency"] = stats.lanes;
    json["chunk_bytes"] = stats.chunk_bytes;
    json["stages"] = {
        {"read", to_json(stats.read)},
        {"wait", to_json(stats.wait)},
        {"verify", to_json(stats.verify)},
        {"decrypt", to_json(stats.decrypt)},
        {"copy", to_json(stats.copy)},
        {"put", to_json(stats.put)}};
    const Verdict verdict = verdict_of(stats);
    json["bound"] = name_of(verdict.bound);
    json["bound_stage"] = verdict.stage;
    // of a load of next to nothing there is none to tell
    json["ceiling_gb_per_s"] = verdict.ceiling_gb_s > 0 ? Json(verdict.ceiling_gb_s) : Json();
    json["ceiling_share"] = verdict.share;
    return json;
}

void add_devices(Json& json, const Options& options, const OnDevices& devices) {
    Json list = Json::array();
    for (std::size_t i = 0; i < options.devices.size(); ++i)
        list.push_back(
            {{"device", devices_text({options.devices[i]})},
             {"bytes", devices.each[i].bytes},
             {"copied_bytes", devices.each[i].copied_bytes},
             {"copy_seconds", devices.each[i].copy_seconds}});
    json["devices"] = std::move(list);
    json["pinned_bytes"] = devices.pinned_bytes;
    json["device_copies"] = devices.copies;
    json["device_decrypted_bytes"] = devices.opened_bytes;
}

/// `bound`: what kept it from being faster.
std::string to_text(const LoadedInputs& loaded, const std::string& bound) {
    const LoadStats& stats = loaded.stats;
    const double read = static_cast<double>(stats.read_bytes);
    const double direct = static_cast<double>(stats.direct_bytes);
    return fmt::format(
        "loaded {} tensor{}, {} in {:.2f} s, {} ({}, direct {:.0f} %)\n{}{}\n",
        stats.tensors,
        stats.tensors == 1 ? "" : "s",
        size_text(stats.bytes),
        stats.seconds,
        rate_text(stats.bytes, stats.seconds),
        stats.io,
        read > 0 ? 100 * direct / read : 0,
        loaded.remote ? network_text(stats) : "",
        bound);
}

} // namespace

int run_load(const Options& options) {
    check_decrypt_on(options);
    LoadOptions load = options.load;
    load.verify = options.verify.value_or(Verify::automatic);
    OnDevices devices;
    const LoadedInputs loaded = options.devices.empty() ? load_files(options, load)
                                                        : load_to_devices(options, load, devices);
    if (options.json) {
        Json json = to_json(loaded, options);
        if (!options.devices.empty())
            add_devices(json, options, devices);
        write_json(json);
    } else if (!options.quiet)
        write_result(
            to_text(loaded, options.devices.empty() ? explain(loaded.stats) : devices.bound));
    return 0;
}

} // namespace tz::cli
