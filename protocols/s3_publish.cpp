// How an object in S3 gets its name, at the end of an upload.
#include <tz/format/checksum.hpp>
#include <tz/protocols/checksum_headers.hpp>
#include <tz/protocols/range_reply.hpp>
#include <tz/protocols/s3_upload.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace tz {

/// Content-MD5 is what every server knows, so that none has to be asked what it does.
awaitable<void> S3Upload::put_whole(Loop& loop) {
    assert(whole_.size() == bytes_);
    const WantedSums wanted{signs_payloads(), !signs_payloads(), false};
    PayloadSums sums;
    auto work = [&] { sums = payload_sums(whole_, wanted); };
    co_await loop.workers().run(std::move(work));
    S3Request request = S3Request::of("PUT");
    request.payload = whole_;
    request.payload_sha256 = std::move(sums.sha256);
    request.add("Content-Type", "application/octet-stream");
    request.add(token_header, token_);
    if (!sums.md5.empty())
        request.add("Content-MD5", std::move(sums.md5));
    const S3Answer answer = co_await finish(loop, std::move(request));
    const auto told = checksum_of(header_lookup(answer.head), true);
    if (!told)
        co_return;
    format::Checksum ours{told->kind, {}};
    auto check = [this, &ours] {
        format::ChecksumStream stream(ours.kind);
        stream.update(whole_);
        ours = stream.finish();
    };
    co_await loop.workers().run(std::move(check));
    if (ours != *told)
        throw Error(
            errc::integrity,
            std::string("the object's ") + format::name_of(told->kind) +
                " is not that of what was sent, as the server says",
            {},
            "remove the object, and upload it again");
}

awaitable<void> S3Upload::complete(Loop& loop) {
    const std::uint32_t crc32c = crc32c_of_all();
    S3Request request = complete_request(crc32c);
    const S3Answer answer = co_await finish(loop, std::move(request));
    check_completed(answer, crc32c);
    if (!checksum_of_whole_)
        co_await check_stored(loop);
}

S3Request S3Upload::complete_request(std::uint32_t crc32c) const {
    S3Request request = S3Request::of("POST", "uploadId=" + percent_encode(upload_id_, false));
    std::vector<UploadedPart> parts;
    parts.reserve(parts_.size());
    for (const Part& part : parts_)
        parts.push_back(part.told);
    request.body = tz::complete_request(parts);
    request.way = S3Way::patient;
    request.answer_max = 1 << 20;
    const PayloadSums sums =
        payload_sums(std::as_bytes(std::span(request.body)), WantedSums{true, false, false});
    request.payload_sha256 = sums.sha256;
    request.add("Content-Type", "application/xml");
    if (checksum_of_whole_) {
        request.add("x-amz-checksum-crc32c", crc32c_text(crc32c));
        request.add("x-amz-checksum-type", "FULL_OBJECT");
    }
    return request;
}

std::uint32_t S3Upload::crc32c_of_all() const {
    std::uint32_t crc = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        const std::uint64_t end = std::min((i + 1) * part_bytes_, bytes_);
        crc ^= crc32c_of_whole(parts_[i].crc32c, bytes_ - end);
    }
    return crc;
}

/// Where finish() found the object there, the answer says nothing of it.
void S3Upload::check_completed(const S3Answer& answer, std::uint32_t crc32c) const {
    const auto completed = completed_upload(answer.text);
    if (!completed || !checksum_of_whole_ || completed->crc32c.empty() ||
        completed->crc32c == crc32c_text(crc32c))
        return;
    throw Error(
        errc::integrity,
        "the object's CRC-32C is " + printable(completed->crc32c) + " and not " +
            crc32c_text(crc32c) + ", as the server says",
        {},
        "remove the object, and upload it again");
}

/// Where no checksum says that all parts are in it.
awaitable<void> S3Upload::check_stored(Loop& loop) {
    const S3Answer answer = co_await ask_head(loop);
    const auto length = answer.head.find("content-length");
    if (answer.good() && length && *length != std::to_string(bytes_))
        throw Error(
            errc::integrity,
            "the object has " + printable(*length) + " bytes and not " + std::to_string(bytes_) +
                ", as the server says",
            {},
            "remove the object, and upload it again");
}

/// Sends `request`, which gives the object its name, and returns the answer that it has it.
awaitable<S3Answer> S3Upload::finish(Loop& loop, S3Request request) {
    bool conditional = existing_ == Existing::refused;
    // Again, since some servers pass over If-None-Match here: these would replace what came between
    // this look and the next moment.
    if (conditional) {
        co_await check_free(loop);
        request.add("If-None-Match", "*");
    }
    for (;;) {
        bool ours = false;
        S3Answer answer = co_await try_to_finish(loop, request, ours);
        if (answer.good() || ours)
            co_return std::move(answer);
        if (!conditional || !answer.is(501, S3Code::not_supported)) {
            if (answer.is(412, S3Code::precondition_failed) && conditional)
                throw exists();
            throw answer.refusal();
        }
        // They have said at least that they can't promise it, and looking is all that is left.
        conditional = false;
        request.headers.pop_back();
        co_await check_free(loop);
    }
}

/// `ours`: the object is there, though no answer told so: it was lost, and another try met what the
/// first one had done.
awaitable<S3Answer> S3Upload::try_to_finish(Loop& loop, const S3Request& request, bool& ours) {
    S3Answer answer;
    std::optional<Error> lost;
    try {
        answer = co_await client_.call(loop, request);
    } catch (const Error& error) {
        lost = error;
    }
    const bool is_complete = request.method == "POST";
    const bool garbled = is_complete && answer.good() && !completed_upload(answer.text);
    if (!lost && !garbled && (answer.good() || !answer.doubtful))
        co_return std::move(answer);
    try {
        ours = co_await is_ours(loop);
    } catch (const Error&) {
        ours = false; // what failed first is told
    }
    if (!ours && lost)
        throw Error(*lost);
    if (!ours && garbled)
        throw no_s3_answer("the end of an upload");
    co_return std::move(answer);
}

} // namespace tz
