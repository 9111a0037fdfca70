#include <tz/protocols/http_asker.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/redirect.hpp>
#include <tz/protocols/request_text.hpp>

#include <chrono>
#include <utility>

namespace tz {

namespace {

HttpTime now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// Range, and what pins the version.
std::vector<HttpHeader> range_headers(std::string range, const Pin& pin) {
    std::vector<HttpHeader> headers;
    if (!range.empty())
        headers.push_back(HttpHeader{"Range", std::move(range)});
    for (const auto& [name, value] : pin.headers)
        headers.push_back(HttpHeader{name, value});
    return headers;
}

} // namespace

HttpAsker::HttpAsker(Url first, unsigned redirects_max)
    : first_(std::move(first)),
      redirects_max_(redirects_max) {}

Place HttpAsker::first_place() const {
    Place place;
    place.url = first_;
    return place;
}

Place HttpAsker::start() const {
    const std::lock_guard lock(mutex_);
    return found_ ? *found_ : first_place();
}

awaitable<Question>
HttpAsker::question(Loop&, const Place& place, std::string range, const Identity* pinned) {
    Question question;
    question.request.target = place.url.target();
    question.request.host = place.url.authority();
    const Pin pin = pinned != nullptr ? pin_to(*pinned, false, now()) : Pin();
    question.request.headers = range_headers(std::move(range), pin);
    if (!place.foreign && !first_.userinfo.empty())
        question.request.headers.push_back(
            HttpHeader{"Authorization", basic_authorization(first_.userinfo)});
    co_return question;
}

std::optional<Place> HttpAsker::moved(const Place& asked, const ReplyHead& head, std::string_view) {
    if (!is_redirect(head.status))
        return {};
    const Redirected from{asked.url, first_, asked.redirects, redirects_max_};
    const Redirect redirect =
        follow_redirect(from, head.status, head.find("location").value_or(std::string_view()));
    Place place;
    place.url = redirect.url;
    place.redirects = asked.redirects + 1;
    place.foreign = asked.foreign || redirect.origin_changed;
    place.guarded = place.foreign && reach_of_host(first_.host) == Reach::anywhere;
    return place;
}

void HttpAsker::found(const Place& place) {
    if (place.redirects == 0)
        return;
    const std::lock_guard lock(mutex_);
    found_ = place;
}

bool HttpAsker::forget(const Place& place) {
    const std::lock_guard lock(mutex_);
    if (found_ == place)
        found_.reset();
    return place.redirects > 0;
}

} // namespace tz
