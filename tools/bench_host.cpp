#include <tz/engine/machine.hpp>
#include <tz/tools/bench_host.hpp>
#include <tz/tools/json.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <string_view>
#include <sys/utsname.h>

namespace tz::bench {

namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string cpu_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name"))
            return line.substr(line.find(':') + 2);
    return "unknown";
}

/// The word in brackets of "always [madvise] never".
std::string chosen(const std::string& line) {
    const std::size_t begin = line.find('[');
    const std::size_t end = line.find(']');
    return begin == std::string::npos || end == std::string::npos
               ? "unknown"
               : line.substr(begin + 1, end - begin - 1);
}

} // namespace

Host this_host() {
    utsname system{};
    ::uname(&system);
    Host host;
    host.cpu = cpu_name();
    host.cores = cores_available();
    host.kernel = system.release;
    host.memory_bytes = memory_total();
    host.huge_pages = chosen(first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
    host.page_reporting =
        std::ifstream("/sys/module/page_reporting/parameters/page_reporting_order").good();
    ::getloadavg(&host.load_average, 1);
    return host;
}

std::string host_line(const Host& host) {
    return fmt::format(
        "tz-bench {}: {}, {} cores, Linux {}, load average {:.2f}\n",
        cli::version(),
        host.cpu,
        host.cores,
        host.kernel,
        host.load_average);
}

nlohmann::ordered_json to_json(const Host& host) {
    return {
        {"cpu", host.cpu},
        {"cores", host.cores},
        {"kernel", host.kernel},
        {"memory_bytes", host.memory_bytes},
        {"transparent_huge_pages", host.huge_pages},
        {"free_page_reporting", host.page_reporting},
        {"load_average", host.load_average},
        {"steal_seconds", host.steal_seconds},
    };
}

} // namespace tz::bench
