#include <tz/format/error.hpp>
#include <tz/tools/cpu.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace tz::cli {

namespace {

// The value of the first line "NAME : VALUE" whose name is one of `names`.
template <std::size_t N>
std::string cpuinfo(const std::array<std::string_view, N>& names) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(':');
        if (colon == line.npos || colon + 2 > line.size())
            continue;
        const auto last = line.find_last_not_of(" \t", colon - 1);
        const auto name = std::string_view(line).substr(0, last + 1);
        if (std::find(names.begin(), names.end(), name) != names.end())
            return line.substr(colon + 2);
    }
    return {};
}

} // namespace

std::string cpu_model() {
    const std::string model = cpuinfo(std::array<std::string_view, 2>{"model name", "Model"});
    return model.empty() ? "unknown" : printable(model);
}

std::vector<std::string> cpu_features() {
    // first those of x86, then those of ARM
    constexpr std::array<std::string_view, 14> used{
        "ssse3",
        "sse4_2",
        "pclmulqdq",
        "vpclmulqdq",
        "aes",
        "vaes",
        "avx2",
        "avx512f",
        "avx512bw",
        "avx512ifma",
        "sha_ni",
        "asimd",
        "pmull",
        "sha2"};
    std::istringstream flags(cpuinfo(std::array<std::string_view, 2>{"flags", "Features"}));
    const std::vector<std::string> here{std::istream_iterator<std::string>(flags), {}};
    std::vector<std::string> found;
    for (const std::string_view name : used)
        if (std::find(here.begin(), here.end(), name) != here.end())
            found.emplace_back(name);
    return found;
}

} // namespace tz::cli
