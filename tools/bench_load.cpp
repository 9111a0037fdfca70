#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_load.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_program.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace tz::bench {

namespace {

std::vector<std::string> stages_of(const Subject& subject, const Mode& mode) {
    std::vector<std::string> stages;
    if (subject.encrypted)
        stages.emplace_back(stage_open);
    const bool all = mode.verify == Verify::all;
    const bool automatic = mode.verify == Verify::automatic && !subject.encrypted;
    const bool crc32 = mode.verify == Verify::crc32 || all || automatic;
    const bool sha256 = mode.verify == Verify::sha256 || all || (automatic && !subject.crc32);
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
    options.key = subject.encrypted ? subject.key : nullptr;
    options.password = subject.encrypted ? subject.password : nullptr;
    return options;
}

/// Keeps the key or the password, whichever the file wants.
void choose_secret(Subject& subject, const std::vector<format::TensorHeader>& headers) {
    const bool derived = std::ranges::any_of(headers, [](const format::TensorHeader& header) {
        return header.seal && header.seal->derivation;
    });
    (derived ? subject.key : subject.password).reset();
    if (subject.encrypted && !subject.key && !subject.password)
        throw Error(
            errc::auth,
            derived ? "the file is encrypted with a password" : "the file is encrypted",
            {},
            derived ? "give --password-file" : "give --key-file")
            .in(subject.path);
}

/// Reads the index, where only a part is wanted.
Selection selection_of(Engine& engine, const Subject& subject, const LoadOptions& options) {
    if (subject.part.all())
        return {};
    LoadOptions index;
    index.verify = Verify::none;
    index.headers_only = true;
    index.selection.wanted = [](const format::Tensor&) { return false; };
    index.stop = options.stop;
    format::Layout layout;
    index.check_layouts = [&layout](std::span<const format::Layout> found) {
        layout = found.front();
    };
    load(engine, open(subject.uri, subject.network, subject.direct), index);
    return choose_part(layout, subject.part);
}

/// Pages of a file come on first touch; a load that hands them out is complete after that.
void touch_pages(const Loaded& loaded) {
    constexpr std::size_t page_bytes = 4096;
    unsigned sum = 0;
    for (const auto& tensor : loaded.tensors)
        for (std::size_t at = 0; at < tensor.size(); at += page_bytes)
            sum += std::to_integer<unsigned>(tensor[at]);
    [[maybe_unused]] volatile const unsigned keep = sum; // or the loop would be left out
}

std::uint32_t crc32_by_name(const Loaded& loaded) {
    const auto& tensors = loaded.layout.tensors;
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](std::size_t i) -> const auto& { return tensors[i].name; });
    std::uint32_t crc = 0;
    for (const std::size_t i : order)
        crc = format::crc32(loaded.tensors[i], crc);
    return crc;
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
    if (name == "mapped")
        return {name, Verify::none, Memory::mapped};
    if (name == "drop")
        return {name, Verify::none, Memory::none};
    throw Error(
        errc::usage,
        "'" + printable(name) + "' is not a mode",
        {},
        "modes are plain, crc32, sha256, all, auto, mapped and drop");
}

std::vector<Mode> usual_modes(const Subject& subject) {
    std::vector<Mode> modes{parse_mode("plain")};
    if (subject.crc32)
        modes.push_back(parse_mode("crc32"));
    if (subject.sha256)
        modes.push_back(parse_mode("sha256"));
    return modes;
}

void inspect(Engine& engine, Subject& subject, const std::stop_token& stop) {
    const auto source = open(subject.uri, subject.network);
    subject.path = source->name();
    subject.remote = !source->host().empty();
    LoadOptions options;
    options.verify = Verify::none;
    options.headers_only = true; // needs no key
    options.keep_headers = true;
    options.stop = stop;
    options.selection = selection_of(engine, subject, options);
    const Loaded loaded = load(engine, source, options);
    subject.encrypted = loaded.layout.encrypted;
    choose_secret(subject, loaded.headers);
    const auto all_have = [&](auto member) {
        return !loaded.headers.empty() &&
               std::ranges::all_of(loaded.headers, [=](const auto& header) {
                   return (header.*member).has_value();
               });
    };
    subject.crc32 = all_have(&format::TensorHeader::crc32);
    subject.sha256 = all_have(&format::TensorHeader::sha256);
    subject.filesystem = subject.remote ? source->host() : file_facts(subject.path).filesystem;
    subject.file_bytes = source->bytes();
    subject.tensor_bytes = loaded.layout.total_bytes();
    subject.tensors = loaded.layout.tensors.size();
    subject.largest_bytes = 0;
    for (const format::Tensor& tensor : loaded.layout.tensors)
        subject.largest_bytes = std::max(subject.largest_bytes, tensor.bytes);
}

void read_contents(Engine& engine, Subject& subject, const std::stop_token& stop) {
    const char* hashes = subject.crc32 || subject.sha256 ? "all" : "plain";
    const LoadOptions options = options_of(subject, parse_mode(hashes), stop);
    subject.contents_crc32 =
        crc32_by_name(load(engine, open(subject.uri, subject.network), options));
}

std::string sample_command() {
    return shell_word(std::filesystem::read_symlink("/proc/self/exe").string()) + " sample";
}

Entry load_entry(
    const std::string& sample_command,
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
    entry.maps = mode.memory == Memory::mapped && !subject.encrypted;
    entry.crc32 = subject.contents_crc32;
    std::string command = sample_command + " --mode=" + mode.name;
    if (subject.encrypted && subject.key)
        command += " --key-file=" + shell_word(subject.key_file);
    if (subject.encrypted && subject.password)
        command += " --password-file=" + shell_word(subject.password_file);
    for (const std::string& pattern : subject.part.include)
        command += " --include=" + shell_word(pattern);
    for (const std::string& pattern : subject.part.exclude)
        command += " --exclude=" + shell_word(pattern);
    if (subject.part.bytes_max > 0)
        command += " --max-bytes=" + std::to_string(subject.part.bytes_max);
    command += " -- " + shell_word(subject.uri);
    entry.run = [command, stop] { return sample_by(command, stop); };
    return entry;
}

cli::Json measured_load(
    Engine& engine, const Subject& subject, const Mode& mode, const std::stop_token& stop) {
    LoadOptions options = options_of(subject, mode, stop);
    options.selection = selection_of(engine, subject, options);
    const std::uint64_t huge_before = anonymous_huge_bytes();
    const std::uint64_t file_before = memory_field("status", "RssFile:"); // the program's own pages
    const double began = monotonic_seconds();
    const Stopwatch watch;
    const Loaded loaded = load(engine, open(subject.uri, subject.network, subject.direct), options);
    if (mode.memory == Memory::mapped)
        touch_pages(loaded);
    const Sample sample = watch.stop(loaded.stats.bytes);
    const double ended = monotonic_seconds();
    cli::Json json = cli::result("tz-bench-sample/1");
    json["bytes"] = sample.bytes;
    json["seconds"] = {sample.seconds};
    json["cpu_seconds"] = {*sample.cpu_seconds};
    json["loop_cpu_seconds"] = loaded.stats.loop_cpu_seconds;
    json["began"] = began;
    json["ended"] = ended;
    json["anonymous_end_bytes"] = memory_field("status", "RssAnon:");
    json["file_bytes"] = file_before;
    json["file_end_bytes"] = memory_field("status", "RssFile:");
    json["huge_page_bytes"] = huge_bytes_since(huge_before);
    if (!loaded.tensors.empty())
        json["crc32"] = crc32_by_name(loaded);
    return json;
}

} // namespace tz::bench
