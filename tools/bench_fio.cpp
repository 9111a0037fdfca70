#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_fio.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tz::bench {

namespace {

/// fio reads a colon as the end of a file name.
std::string fio_file_name(const std::string& path) {
    std::string name;
    for (const char c : path) {
        if (c == ':' || c == '\\')
            name += '\\';
        name += c;
    }
    return name;
}

Sample parse(const std::string& output) {
    // notes may stand before the object
    const std::size_t begin = output.find('{');
    const auto report =
        nlohmann::json::parse(output.substr(begin == std::string::npos ? 0 : begin));
    const auto& job = report.at("jobs").at(0);
    if (const int code = job.at("error").get<int>(); code != 0)
        throw Error(errc::io, fmt::format("fio reports error {}", code));
    const auto& read = job.at("read");
    Sample sample;
    sample.bytes = read.at("io_bytes").get<std::uint64_t>();
    const double bytes_per_s = read.at("bw_bytes").get<double>();
    if (sample.bytes == 0 || bytes_per_s <= 0)
        throw Error(errc::io, "fio has read nothing");
    sample.seconds = static_cast<double>(sample.bytes) / bytes_per_s;
    const double cpu_percent = job.at("usr_cpu").get<double>() + job.at("sys_cpu").get<double>();
    sample.cpu_seconds = sample.seconds * cpu_percent / 100;
    return sample;
}

} // namespace

std::vector<FioJob> usual_fio_jobs() {
    return {
        {8 << 20, 4}, {4 << 20, 8}, {4 << 20, 32}, {1 << 20, 16}, {1 << 20, 64}, {256 << 10, 64}};
}

bool fio_installed(const std::string& program) {
    return run_command("command -v " + shell_word(program) + " >/dev/null", {}).status == 0;
}

std::string fio_name(const FioJob& job) {
    return fmt::format("fio io_uring O_DIRECT {} KiB x{}", job.block_bytes >> 10, job.depth);
}

Sample run_fio(const std::string& file, const FioJob& job, const std::stop_token& stop) {
    const std::string command = fmt::format(
        "fio --name=tz-bench --readonly --rw=read --direct=1 --ioengine=io_uring --bs={} "
        "--iodepth={} --output-format=json --filename={} 2>&1",
        job.block_bytes,
        job.depth,
        shell_word(fio_file_name(file)));
    const ChildResult result = run_command(command, stop);
    if (result.status != 0)
        throw Error(
            errc::io,
            fmt::format(
                "fio ended with {}: {}", result.status, printable(result.output.substr(0, 200))));
    try {
        return parse(result.output);
    } catch (const nlohmann::json::exception& error) {
        throw Error(errc::format, fmt::format("fio's report: {}", printable(error.what())));
    }
}

} // namespace tz::bench
