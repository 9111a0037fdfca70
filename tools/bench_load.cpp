#include <tz/format/error.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_memory.hpp>

#include <algorithm>

namespace tz::bench {

namespace {

std::vector<std::string> stages_of(const Subject& subject, const Mode& mode) {
    std::vector<std::string> stages;
    if (subject.encrypted)
        stages.emplace_back(stage_open);
    const bool all = mode.verify == Verify::all;
    const bool automatic = mode.verify == Verify::automatic;
    const bool crc32 = mode.verify == Verify::crc32 || all || (automatic && !subject.encrypted);
    const bool sha256 = mode.verify == Verify::sha256 || all;
    if (crc32 && subject.crc32)
        stages.emplace_back(stage_crc32);
    if (sha256 && subject.sha256)
        stages.emplace_back(stage_sha256);
    return stages;
}

LoadOptions options_of(const Subject& subject, const Mode& mode, const std::stop_token& stop) {
    LoadOptions options;
    options.verify = mode.verify;
    options.memory = mode.memory;
    options.stop = stop;
    if (subject.encrypted) {
        options.key = subject.key;
        options.password = subject.password;
    }
    return options;
}

} // namespace

Mode parse_mode(const std::string& name) {
    if (name == "plain")
        return {name, Verify::none, Memory::owned};
    if (name == "auto")
        return {name, Verify::automatic, Memory::owned};
    if (name == "crc32")
        return {name, Verify::crc32, Memory::owned};
    if (name == "sha256")
        return {name, Verify::sha256, Memory::owned};
    if (name == "all")
        return {name, Verify::all, Memory::owned};
    if (name == "drop")
        return {name, Verify::none, Memory::none};
    throw Error(
        errc::usage,
        "'" + printable(name) + "' is not a mode",
        {},
        "modes are plain, crc32, sha256, all, auto and drop");
}

std::vector<Mode> usual_modes(const Subject& subject) {
    std::vector<Mode> modes{parse_mode("plain")};
    if (subject.crc32)
        modes.push_back(parse_mode("crc32"));
    if (subject.sha256)
        modes.push_back(parse_mode("sha256"));
    return modes;
}

void inspect(Engine& engine, Subject& subject) {
    LoadOptions options = options_of(subject, parse_mode("plain"), {});
    options.headers_only = true;
    options.keep_headers = true;
    const auto source = open_file(subject.path);
    subject.encrypted = read_layout(engine, source).encrypted;
    if (subject.encrypted && !subject.key && !subject.password)
        throw Error(errc::auth, "the file is encrypted", {}, "give --key-file or --password-file")
            .in(subject.path);
    options.key = subject.encrypted ? subject.key : nullptr;
    options.password = subject.encrypted ? subject.password : nullptr;
    const Loaded loaded = load(engine, source, options);
    const auto all_have = [&](auto member) {
        return !loaded.headers.empty() &&
               std::ranges::all_of(loaded.headers, [=](const auto& header) {
                   return (header.*member).has_value();
               });
    };
    subject.crc32 = all_have(&format::TensorHeader::crc32);
    subject.sha256 = all_have(&format::TensorHeader::sha256);
    subject.filesystem = file_facts(subject.path).filesystem;
    subject.file_bytes = source->bytes();
    subject.tensor_bytes = loaded.layout.total_bytes();
    subject.tensors = loaded.layout.tensors.size();
    subject.largest_bytes = 0;
    for (const format::Tensor& tensor : loaded.layout.tensors)
        subject.largest_bytes = std::max(subject.largest_bytes, tensor.bytes);
}

Entry load_entry(
    Engine& engine,
    const Subject& subject,
    const Mode& mode,
    Cache cache,
    const std::stop_token& stop) {
    Entry entry{.role = Role::load, .cache = cache, .name = mode.name, .file = subject.path};
    if (subject.encrypted)
        entry.name = mode.name == "plain" ? "decrypted" : "decrypted, " + mode.name;
    entry.stages = stages_of(subject, mode);
    entry.largest_share = static_cast<double>(subject.largest_bytes) /
                          static_cast<double>(std::max<std::uint64_t>(1, subject.tensor_bytes));
    entry.delivers = mode.memory == Memory::owned;
    entry.memory_bytes = mode.memory == Memory::owned ? subject.tensor_bytes : 0;
    const LoadOptions options = options_of(subject, mode, stop);
    entry.run = [&engine, path = subject.path, direct = subject.direct, options] {
        const std::uint64_t huge_before = anonymous_huge_bytes();
        const Stopwatch watch;
        const Loaded loaded = load(engine, open_file(path, direct), options);
        Sample sample = watch.stop(loaded.stats.bytes);
        sample.huge_bytes = huge_bytes_since(huge_before);
        return sample;
    };
    return entry;
}

} // namespace tz::bench
