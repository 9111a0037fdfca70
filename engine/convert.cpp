#include <tz/engine/convert.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/engine/save_sink.hpp>
#include <tz/engine/target.hpp>
#include <tz/format/error.hpp>

#include <utility>

namespace tz {

namespace {

void check_options(const ConvertOptions& options, const LoadOptions& load) {
    const bool safetensors = options.format == format::FileFormat::safetensors;
    if (safetensors && (options.tensors.key || options.tensors.password))
        throw Error(
            errc::usage,
            "safetensors files can't be encrypted",
            {},
            "write a .tensors file, or no key");
    if (safetensors && options.tensors.manifest)
        throw Error(
            errc::usage,
            "a safetensors file has no room for a manifest",
            {},
            "put one beside the file when it is written");
    if (!load.selection.slices.empty())
        throw Error(errc::usage, "whole tensors are converted, and slices are asked for");
}

OutputOptions output_options(const ConvertOptions& options, const SaveSettings& settings) {
    OutputOptions output;
    output.format = options.format;
    output.tensors = settings.write;
    output.alignment = options.tensors.alignment.value_or(output.alignment);
    output.metadata = options.metadata;
    output.shard_bytes_max = options.shard_bytes_max;
    output.floats = options.floats;
    return output;
}

} // namespace

Converted convert(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    const std::string& destination,
    const MakeTarget& make_target,
    const ConvertOptions& options,
    LoadOptions load) {
    check_options(options, load);
    const SaveSettings settings = save_settings(options.tensors);
    const OutputOptions output = output_options(options, settings);
    SaveSink::Setup setup;
    setup.plan = [&](std::span<const Item> items, std::uint64_t cut_bytes) {
        return plan_save(items, destination, output, cut_bytes);
    };
    setup.settings = settings;
    if (options.format == format::FileFormat::safetensors)
        setup.settings.write.crc32 = setup.settings.write.sha256 = false;
    setup.side_by_side = options.side_by_side;
    setup.make_target = make_target;
    SaveSink sink(std::move(setup));
    load.memory = Memory::none;
    load.sink = &sink;
    Converted converted;
    converted.stats = tz::load(engine, sources, load).stats;
    for (const PlannedFile& file : sink.plan().files) {
        converted.files.push_back(file.name);
        converted.bytes_written += file.layout.file_bytes;
    }
    converted.manifests = sink.manifests();
    converted.lost = sink.plan().lost;
    return converted;
}

} // namespace tz
