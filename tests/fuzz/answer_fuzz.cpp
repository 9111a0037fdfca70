// An input is a byte that picks who answers, and what is answered: S3 about a multipart upload or
// all of them, STS, a container's and an instance's service with credentials.
#include "pick_reader.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/credential_providers.hpp>
#include <tz/protocols/iso_time.hpp>
#include <tz/protocols/multipart.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tz;
using tz::test::require;

// Seeds have it where a secret belongs: no error may repeat it.
constexpr std::string_view canary = "CANARY";

/// An environment in which every place of credentials is asked, and answers with `body`.
Surroundings answering(std::string_view body) {
    Surroundings made;
    made.environment = [](const std::string& name) -> std::optional<std::string> {
        if (name == "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            return "/role";
        return {};
    };
    made.read_file = [](const std::string& path) -> std::optional<std::string> {
        if (path == "/token")
            return "token";
        return {};
    };
    made.http = [body](const HttpCall& call) {
        require(call.answer_bytes_max > 0 && call.timeout.count() > 0);
        if (call.method == "PUT")
            return HttpAnswer{200, "token"};
        if (call.url.path.ends_with("security-credentials/"))
            return HttpAnswer{200, "role"};
        return HttpAnswer{200, std::string(body)};
    };
    made.now = [] { return std::chrono::system_clock::time_point(std::chrono::seconds(1)); };
    return made;
}

void check(const Credentials& found) {
    require(!found.anonymous() && found.secret && !found.provider.empty());
}

void ask_sts(std::string_view body) {
    const Surroundings surroundings = answering(body);
    const S3Options options;
    S3Settings settings(options, surroundings);
    const auto found = assume_role({"web identity", "arn:role", "/token", ""}, settings, false);
    check(found);
    require(found.token && found.expires);
}

void ask(std::optional<Credentials> (*place)(const S3Settings&), std::string_view body) {
    const Surroundings surroundings = answering(body);
    const S3Options options;
    const auto found = place(S3Settings(options, surroundings));
    require(found.has_value());
    check(*found);
}

void read_created(std::string_view body) {
    const auto id = created_upload(body);
    require(!id || (!id->empty() && id->size() <= body.size()));
}

void read_completed(std::string_view body) {
    if (const auto completed = completed_upload(body))
        require(completed->etag.size() + completed->crc32c.size() <= body.size());
}

void read_page(std::string_view body) {
    const auto page = uploads_page(body);
    if (!page)
        return;
    require(!page->more || !page->next_key.empty());
    for (const UnfinishedUpload& upload : page->uploads)
        require(!upload.key.empty() && !upload.upload_id.empty());
}

constexpr test::Reader readers[] = {
    read_created,
    read_completed,
    read_page,
    [](std::string_view text) { parse_time(text); },
    ask_sts,
    [](std::string_view text) { ask(container_credentials, text); },
    [](std::string_view text) { ask(instance_credentials, text); }};

void look_at(const Error& error) {
    const std::string text = error.what();
    require(!error.hint().empty() && printable(text) == text);
    require(text.find(canary) == text.npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::read_by_first_byte({data, size}, readers, look_at);
    return 0;
}
