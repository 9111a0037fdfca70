#include <tz/engine/trace.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tools/bench_cache.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_trace.hpp>
#include <tz/tools/trace_file.hpp>

#include <fmt/format.h>

#include <memory>
#include <sstream>

namespace tz::bench {

namespace {

// As for samples: above this a file is not cold.
constexpr double cold_share_max = 0.01;

const char* prepare(const Subject& subject, bool cold, const std::stop_token& stop) {
    const char* from = "a server";
    if (!subject.remote) {
        if (cold)
            make_cold(subject.path);
        else
            make_warm(subject.path, stop);
        from = cached_share(subject.path) > cold_share_max ? "the page cache" : "the disk";
    }
    prepare_memory(subject.tensor_bytes, stop);
    return from;
}

std::string label(const Subject& subject, const char* from) {
    const bool hashed = subject.crc32 || subject.sha256;
    return fmt::format(
        "{}, from {}{}{}",
        printable(subject.path.substr(subject.path.rfind('/') + 1)),
        from,
        subject.encrypted ? ", decrypted" : "",
        hashed && !subject.encrypted ? ", hashes checked" : "");
}

} // namespace

cli::Json
traced_load(Engine& engine, const Subject& subject, bool cold, const std::stop_token& stop) {
    LoadOptions options;
    options.verify = Verify::automatic;
    options.stop = stop;
    options.key = subject.encrypted ? subject.key : nullptr;
    options.password = subject.encrypted ? subject.password : nullptr;
    options.trace = std::make_shared<Trace>();
    const char* from = prepare(subject, cold, stop);
    load(engine, open(subject.uri, subject.network, subject.direct), options);
    std::stringstream text;
    cli::write_chrome_trace(text, *options.trace);
    cli::Json trace = cli::Json::parse(text);
    trace.push_back(
        {{"ph", "M"},
         {"name", "process_labels"},
         {"pid", 1},
         {"args", {{"labels", label(subject, from)}}}});
    return trace;
}

} // namespace tz::bench
