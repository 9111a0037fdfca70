// `tz info`: facts of this machine that decide how fast loads are, to be pasted into a report.
#include <tz/engine/machine.hpp>
#include <tz/engine/ring.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/cpu.hpp>
#include <tz/tools/gpu.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/s3_facts.hpp>
#include <tz/tools/units.hpp>

#include <boost/version.hpp>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <zlib.h>

#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/utsname.h>

namespace tz::cli {

namespace {

std::string kernel() {
    utsname name{};
    return ::uname(&name) == 0 ? fmt::format("{} {}", name.sysname, name.release) : "unknown";
}

// The choice in brackets of e.g. "always [madvise] never".
std::string transparent_huge_pages() {
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string line;
    std::getline(file, line);
    const auto begin = line.find('[');
    const auto end = line.find(']');
    if (begin == line.npos || end == line.npos || end < begin)
        return "unknown";
    return line.substr(begin + 1, end - begin - 1);
}

// Null: no limit.
Json memlock_bytes() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return nullptr;
    return limit.rlim_cur;
}

Json io_uring() {
    const RingFacts facts = ring_facts();
    return {
        {"usable", facts.usable},
        {"reason", facts.usable ? Json() : Json(facts.reason)},
        {"features", facts.features}};
}

Json place(const std::string& path) {
    const FileFacts facts = file_facts(path);
    return {
        {"name", printable(path)},
        {"filesystem", facts.filesystem},
        {"direct", facts.direct},
        {"alignment", facts.alignment},
        {"cachestat", facts.cachestat}};
}

Json gpu() {
    const GpuFacts facts = gpu_facts();
    Json devices = Json::array();
    for (const Gpu& one : facts.gpus)
        devices.push_back({{"name", printable(one.name)}, {"memory_bytes", one.memory_bytes}});
    return {
        {"cuda", facts.cuda.empty() ? Json() : Json(facts.cuda)},
        {"reason", facts.reason.empty() ? Json() : Json(facts.reason)},
        {"devices", std::move(devices)}};
}

Json libraries() {
    return {
        {"boost",
         fmt::format(
             "{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"openssl", ::OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"libsodium", ::sodium_version_string()},
        {"zlib", ::zlibVersion()},
        {"liburing", TZ_LIBURING_VERSION},
        {"isa-l", TZ_ISAL_VERSION}};
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(printable(text));
}

Json s3(const S3Options& options) {
    const S3Facts facts = s3_facts(options);
    return {
        {"endpoint", text_or_null(facts.endpoint)},
        {"endpoint_from", text_or_null(facts.endpoint_source)},
        {"region", text_or_null(facts.region)},
        {"region_from", text_or_null(facts.region_source)},
        {"credentials_from", text_or_null(facts.credentials)},
        {"not_asked", facts.asks},
        {"failure", text_or_null(facts.failure)}};
}

std::string s3_text(const Json& s3) {
    if (!s3["failure"].is_null())
        return "unusable: " + s3["failure"].get<std::string>();
    return fmt::format(
        "{} ({}), region {} ({}), credentials: {}{}",
        s3["endpoint"].get<std::string>(),
        s3["endpoint_from"].get<std::string>(),
        s3["region"].get<std::string>(),
        s3["region_from"].get<std::string>(),
        s3["credentials_from"].get<std::string>(),
        s3["not_asked"] ? " (not asked)" : "");
}

Json all_facts(const Options& options, const std::string& path) {
    Json json = result("tz-info/1");
    json["kernel"] = kernel();
    json["io_uring"] = io_uring();
    json["memlock_bytes"] = memlock_bytes();
    json["path"] = place(path);
    json["cpu"] = {
        {"model", cpu_model()}, {"cores_usable", cores_available()}, {"features", cpu_features()}};
    json["memory"] = {
        {"total_bytes", memory_total()},
        {"available_bytes", memory_available()},
        {"transparent_huge_pages", transparent_huge_pages()}};
    json["gpu"] = gpu();
    json["s3"] = s3(options.network.s3);
    json["libraries"] = libraries();
    return json;
}

std::string joined(const Json& words) {
    std::string text;
    for (const Json& word : words)
        text += (text.empty() ? "" : " ") + word.get<std::string>();
    return text.empty() ? "none" : text;
}

std::string size_of(const Json& bytes) {
    return size_text(bytes.get<std::uint64_t>());
}

std::string gpu_text(const Json& gpu) {
    if (gpu["devices"].empty())
        return "none: " + gpu["reason"].get<std::string>();
    std::string text;
    for (const Json& device : gpu["devices"])
        text += fmt::format(
            "{}{} ({})",
            text.empty() ? "" : ", ",
            device["name"].get<std::string>(),
            size_of(device["memory_bytes"]));
    return text + ", CUDA " + (gpu["cuda"].is_null() ? "unknown" : gpu["cuda"].get<std::string>());
}

std::string place_text(const Json& place) {
    return fmt::format(
        "{}: {}, O_DIRECT {}{}",
        place["name"].get<std::string>(),
        place["filesystem"].get<std::string>(),
        place["direct"] ? fmt::format("works (alignment {})", place["alignment"].get<unsigned>())
                        : "does not work",
        place["cachestat"] ? ", cachestat works" : ", no cachestat");
}

std::string to_text(const Json& facts) {
    std::string text;
    const auto line = [&](const char* name, const std::string& value) {
        text += fmt::format("{:<12}{}\n", name, value);
    };
    const Json& ring = facts["io_uring"];
    const Json& memory = facts["memory"];
    std::string versions;
    for (const auto& [name, version] : facts["libraries"].items())
        versions += fmt::format(", {} {}", name, version.get<std::string>());
    line("tz", facts["version"].get<std::string>() + versions);
    line("kernel", facts["kernel"]);
    line(
        "io_uring",
        ring["usable"] ? joined(ring["features"]) : "no: " + ring["reason"].get<std::string>());
    line(
        "memlock",
        facts["memlock_bytes"].is_null() ? "unlimited" : size_of(facts["memlock_bytes"]));
    line("path", place_text(facts["path"]));
    line(
        "cpu",
        fmt::format(
            "{}, {} cores usable",
            facts["cpu"]["model"].get<std::string>(),
            facts["cpu"]["cores_usable"].get<unsigned>()));
    line("features", joined(facts["cpu"]["features"]));
    line(
        "memory",
        fmt::format(
            "{}, {} available, huge pages {}",
            size_of(memory["total_bytes"]),
            size_of(memory["available_bytes"]),
            memory["transparent_huge_pages"].get<std::string>()));
    line("gpu", gpu_text(facts["gpu"]));
    line("s3", s3_text(facts["s3"]));
    return text;
}

} // namespace

int run_info(const Options& options, const std::string& path) {
    const Json facts = all_facts(options, path);
    if (options.json)
        write_json(facts);
    else
        write_result(to_text(facts));
    return 0;
}

} // namespace tz::cli
