#include <tz/engine/loop.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/s3_asker.hpp>

#include <chrono>
#include <utility>

namespace tz {

namespace {

using std::chrono::floor;
using std::chrono::seconds;

HttpTime now() {
    return floor<seconds>(std::chrono::system_clock::now());
}

/// Ask for checksums: S3 tells them then only. As Amazon's own clients do with each request, so
/// that other servers know it, or pass over it.
HttpHeader checksum_mode() {
    return {"x-amz-checksum-mode", "ENABLED"};
}

Place place_of(const S3Address& address) {
    Place place;
    place.url = address.url;
    place.region = address.region;
    return place;
}

} // namespace

S3Asker::S3Asker(
    S3Name name,
    S3Endpoint endpoint,
    std::shared_ptr<CredentialsCache> credentials,
    bool allow_http)
    : name_(std::move(name)),
      credentials_(std::move(credentials)),
      allow_http_(allow_http),
      endpoint_(std::move(endpoint)) {}

S3Address S3Asker::address() const {
    const std::lock_guard lock(mutex_);
    return s3_address(name_, endpoint_, true);
}

Place S3Asker::start() const {
    return place_of(address());
}

Place S3Asker::bucket() const {
    S3Name name;
    name.bucket = name_.bucket;
    const std::lock_guard lock(mutex_);
    return place_of(s3_address(name, endpoint_, true));
}

awaitable<Question>
S3Asker::question(Loop& loop, const Place& place, std::string range, const Identity* pinned) {
    HttpRequest request;
    if (!range.empty())
        request.headers.push_back(HttpHeader{"Range", std::move(range)});
    if (pinned == nullptr)
        request.headers.push_back(checksum_mode());
    Question question = co_await ready(loop, place, pinned, std::move(request));
    co_return question;
}

/// The answer to a range has a checksum where the range is all of the object, or else has one of
/// a part.
awaitable<std::optional<Question>>
S3Asker::checksum_question(Loop& loop, const Place& place, const Identity& pinned) {
    HttpRequest request;
    request.method = "HEAD";
    request.headers.push_back(checksum_mode());
    Question asking = co_await ready(loop, place, &pinned, std::move(request));
    std::optional<Question> question(std::move(asking));
    co_return question;
}

/// Pinned and signed.
awaitable<Question>
S3Asker::ready(Loop& loop, const Place& place, const Identity* pinned, HttpRequest request) {
    const Pin pin = pinned != nullptr ? pin_to(*pinned, name_.version_id.empty(), now()) : Pin();
    for (const auto& [name, value] : pin.headers)
        request.headers.push_back(HttpHeader{name, value});
    Place asked = place;
    if (pin.version_id) {
        asked.url.has_query = true;
        asked.url.query = "versionId=" + percent_encode(*pin.version_id, false);
    }
    std::string payload(asked.url.tls ? unsigned_payload : empty_payload);
    Question question =
        co_await signed_question(loop, asked, std::move(request), std::move(payload));
    co_return question;
}

awaitable<Question> S3Asker::signed_question(
    Loop& loop, const Place& place, HttpRequest request, std::string payload_sha256) {
    const CredentialsCache::Entry entry = co_await credentials(loop);
    Question question;
    question.generation = entry.generation;
    question.request = std::move(request);
    question.request.target = place.url.target();
    question.request.host = place.url.authority();
    if (!entry.credentials->anonymous()) {
        check_way(place);
        sign(question.request, place, entry, payload_sha256);
    }
    co_return question;
}

awaitable<CredentialsCache::Entry> S3Asker::credentials(Loop& loop) {
    if (const auto ready = credentials_->ready())
        co_return *ready;
    CredentialsCache::Entry entry;
    auto search = [this, &entry] { entry = credentials_->get(); };
    co_await loop.workers().run(std::move(search), Urgency::last);
    co_return entry;
}

void S3Asker::check_way(const Place& place) const {
    if (place.url.tls || allow_http_ || reach_of_host(place.url.host) == Reach::machine)
        return;
    throw Error(
        errc::usage,
        "signed requests would go over plain http to " + printable(place.url.authority()),
        {},
        "use an https endpoint, or --allow-http");
}

void S3Asker::sign(
    HttpRequest& request,
    const Place& place,
    const CredentialsCache::Entry& entry,
    std::string_view payload_sha256) {
    const auto time = now() + seconds(clock_offset_.load());
    const auto key = key_for(entry, time, place.region);
    std::vector<SigningHeader> headers;
    headers.reserve(request.headers.size());
    for (const HttpHeader& header : request.headers)
        headers.push_back(SigningHeader{header.name, header.value});
    const SigningRequest signing{
        .method = request.method,
        .url = place.url,
        .headers = headers,
        .payload_sha256 = payload_sha256,
        .time = time};
    for (SigningHeader& header : sign_headers(*key, signing))
        request.headers.push_back(HttpHeader{std::move(header.name), std::move(header.value)});
}

std::shared_ptr<const SigningKey> S3Asker::key_for(
    const CredentialsCache::Entry& entry,
    std::chrono::sys_seconds time,
    const std::string& region) {
    const std::lock_guard lock(mutex_);
    if (!key_ || key_generation_ != entry.generation || key_region_ != region ||
        !key_->covers(time)) {
        const Credentials& from = *entry.credentials;
        const SigningCredentials credentials{from.access_key_id, from.secret, from.token};
        key_ = std::make_shared<const SigningKey>(
            credentials, floor<std::chrono::days>(time), region, "s3");
        key_generation_ = entry.generation;
        key_region_ = region;
    }
    return key_;
}

std::optional<Place>
S3Asker::moved(const Place& asked, const ReplyHead& head, std::string_view body) {
    const std::lock_guard lock(mutex_);
    S3Address from = s3_address(name_, endpoint_, true);
    if (from.region != asked.region) // another reader was told sooner
        return place_of(from);
    const auto header = head.find("x-amz-bucket-region");
    const auto region = region_answer(
        from,
        static_cast<int>(head.status),
        header ? std::optional(std::string(*header)) : std::nullopt,
        body);
    if (!region || moved_)
        return {};
    moved_ = true;
    endpoint_ = in_region(endpoint_, *region);
    return place_of(s3_address(name_, endpoint_, true));
}

awaitable<bool> S3Asker::renew(Loop& loop, std::uint64_t generation) {
    bool other = false;
    auto search = [this, generation, &other] {
        other = credentials_->refresh_after_denial(generation).generation != generation;
    };
    co_await loop.workers().run(std::move(search), Urgency::last);
    co_return other;
}

void S3Asker::correct_clock(const ReplyHead& head) {
    const HttpTime here = now();
    if (const auto there = parse_http_date(head.find("date").value_or(std::string_view()), here))
        clock_offset_ = (*there - here).count();
}

void S3Asker::explain(Problem& problem, const std::optional<S3Error>& error) const {
    // the rest of an answer may repeat what we sent
    if (error && error->kind != S3Code::other)
        problem.reason += ": " + error->code;
    if (problem.kind != errc::denied || (error && error->kind == S3Code::archived))
        return;
    if (const auto entry = credentials_->ready())
        problem.hint = denied_hint(*entry->credentials);
}

} // namespace tz
