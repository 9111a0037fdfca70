#include <tz/format/error.hpp>
#include <tz/tools/device_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

namespace tz::cli {

namespace {

[[noreturn]] void wrong(const std::string& text) {
    throw Error(
        errc::usage,
        fmt::format("'{}' is neither cpu nor a GPU as cuda:0 nor a list of them", printable(text)));
}

int parse_device(std::string_view text, const std::string& all) {
    constexpr std::string_view name = "cuda";
    if (text == name)
        return 0;
    if (!text.starts_with(name) || text[name.size()] != ':')
        wrong(all);
    text.remove_prefix(name.size() + 1);
    int device = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), device);
    if (error != std::errc() || end != text.data() + text.size() || device < 0 ||
        device >= devices_max)
        wrong(all);
    return device;
}

} // namespace

std::vector<int> parse_devices(const std::string& text) {
    std::vector<int> devices;
    if (text == "cpu")
        return devices;
    std::istringstream list(text + ",");
    for (std::string one; std::getline(list, one, ',');) {
        const int device = parse_device(one, text);
        if (std::find(devices.begin(), devices.end(), device) != devices.end())
            throw Error(errc::usage, fmt::format("cuda:{} is named twice", device));
        devices.push_back(device);
    }
    return devices;
}

std::string devices_text(const std::vector<int>& devices) {
    std::vector<std::string> names;
    names.reserve(devices.size());
    for (const int device : devices)
        names.push_back(fmt::format("cuda:{}", device));
    return fmt::format("{}", fmt::join(names, ","));
}

} // namespace tz::cli
