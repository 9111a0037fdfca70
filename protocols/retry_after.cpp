#include <tz/protocols/reply.hpp>
#include <tz/protocols/retry.hpp>
#include <tz/protocols/retry_after.hpp>

namespace tz {

std::optional<std::chrono::seconds> retry_after_of(const ReplyHead& head) {
    const auto text = head.find("retry-after");
    if (!text)
        return {};
    const HttpTime here =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto there = parse_http_date(head.find("date").value_or(std::string_view()), here);
    return parse_retry_after(*text, there.value_or(here));
}

} // namespace tz
