#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_program.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace tz::bench {

namespace {

using Json = nlohmann::json;

template <typename T>
std::optional<T> optional_member(const Json& report, const char* name) {
    const auto member = report.find(name);
    if (member == report.end() || member->is_null())
        return {};
    return (member->is_array() ? member->at(0) : *member).get<T>();
}

/// The most that was seen between the load's begin and end, or at its end by the program itself,
/// which is never late. `kind` is "anonymous" or "file".
std::optional<std::uint64_t> peak(
    const Json& report,
    const std::vector<MemoryReading>& readings,
    const std::string& kind,
    std::uint64_t MemoryReading::* bytes) {
    auto most = optional_member<std::uint64_t>(report, (kind + "_end_bytes").c_str());
    const auto began = optional_member<double>(report, "began");
    const auto ended = optional_member<double>(report, "ended");
    if (!most || !began || !ended)
        return {};
    for (const MemoryReading& reading : readings)
        if (reading.at >= *began && reading.at <= *ended)
            most = std::max(*most, reading.*bytes);
    const auto before =
        optional_member<std::uint64_t>(report, (kind + "_bytes").c_str()).value_or(0);
    return *most - std::min(*most, before);
}

Sample parse(const ChildResult& result) {
    const auto report = Json::parse(last_line(result.output));
    Sample sample;
    sample.bytes = report.at("bytes").get<std::uint64_t>();
    sample.seconds = report.at("seconds").at(0).get<double>();
    if (sample.bytes == 0 || sample.seconds <= 0)
        throw Error(errc::format, "the command reports no bytes or no time");
    sample.cpu_seconds = optional_member<double>(report, "cpu_seconds");
    sample.loop_cpu_seconds = optional_member<double>(report, "loop_cpu_seconds");
    sample.huge_bytes = optional_member<std::uint64_t>(report, "huge_page_bytes");
    sample.crc32 = optional_member<std::uint32_t>(report, "crc32");
    sample.anonymous_peak_bytes =
        peak(report, result.memory, "anonymous", &MemoryReading::anonymous_bytes);
    sample.file_peak_bytes = peak(report, result.memory, "file", &MemoryReading::file_bytes);
    return sample;
}

} // namespace

std::string last_line(const std::string& output) {
    const std::size_t end = output.find_last_not_of(" \n\r\t");
    if (end == std::string::npos)
        return {};
    const std::size_t before = output.rfind('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return output.substr(begin, end + 1 - begin);
}

Sample sample_by(const std::string& command, const std::stop_token& stop, double seconds_max) {
    const double steal = machine_steal_seconds();
    const ChildResult result = run_command(command, stop, seconds_max);
    if (result.status != 0) {
        const std::string last = last_line(result.output);
        throw Error(
            errc::io,
            fmt::format(
                "the command ended with {}{}{}",
                result.status,
                last.empty() ? "" : ": ",
                printable(last)));
    }
    try {
        Sample sample = parse(result);
        sample.steal_seconds = machine_steal_seconds() - steal;
        return sample;
    } catch (const Json::exception& error) {
        throw Error(errc::format, fmt::format("the command's report: {}", printable(error.what())));
    }
}

} // namespace tz::bench
