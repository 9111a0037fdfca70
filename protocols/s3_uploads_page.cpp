#include <tz/protocols/s3_uploads_page.hpp>

#include <utility>

namespace tz {

namespace {

/// Not with `encoding-type=url`: Ceph 16 then encodes keys and not markers, and doesn't say so.
std::string page_query(const std::string& prefix, const UploadsPage& last) {
    std::string query = "max-uploads=1000&uploads=";
    const auto add = [&query](const char* name, const std::string& value) {
        if (!value.empty())
            query += std::string("&") + name + '=' + percent_encode(value, false);
    };
    add("prefix", prefix);
    add("key-marker", last.next_key);
    add("upload-id-marker", last.next_upload_id);
    return query;
}

} // namespace

awaitable<UploadsPage> ask_uploads(
    Loop& loop,
    S3Client& client,
    const std::string& prefix,
    const UploadsPage& last,
    S3Way way,
    std::chrono::steady_clock::time_point until) {
    S3Request request = S3Request::of("GET", page_query(prefix, last));
    request.of_bucket = true;
    request.way = way;
    request.until = until;
    request.answer_max = uploads_page_bytes_max;
    const S3Answer answer = co_await client.call(loop, request);
    if (!answer.good())
        throw answer.refusal();
    auto page = uploads_page(answer.text);
    if (!page)
        throw no_s3_answer("a list of uploads");
    if (page->more && page->next_key == last.next_key &&
        page->next_upload_id == last.next_upload_id)
        throw no_s3_answer("a list of uploads, which leads in a circle,");
    co_return std::move(*page);
}

} // namespace tz
