#include <tz/engine/numbered_name.hpp>

#include <utility>

namespace tz {

namespace {

constexpr std::size_t place_bytes = 4; // "%03d"

} // namespace

NumberedName::NumberedName(std::string before, std::string after, std::size_t digits)
    : before_(std::move(before)),
      after_(std::move(after)),
      digits_(digits) {}

std::optional<NumberedName> NumberedName::parse(const std::string& name) {
    const std::size_t begin = name.find("%0");
    if (begin == name.npos || begin + place_bytes > name.size() || name[begin + 3] != 'd')
        return {};
    const char digits = name[begin + 2];
    std::string after = name.substr(begin + place_bytes);
    if (digits < '1' || digits > '9' || after.find('/') != after.npos ||
        after.find('%') != after.npos)
        return {};
    return NumberedName(name.substr(0, begin), std::move(after), digits - '0');
}

std::string NumberedName::with(std::size_t number) const {
    std::string text = std::to_string(number);
    if (text.size() < digits_)
        text.insert(0, digits_ - text.size(), '0');
    return before_ + text + after_;
}

} // namespace tz
