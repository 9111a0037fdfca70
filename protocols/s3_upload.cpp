#include <tz/protocols/payload_sums.hpp>
#include <tz/protocols/s3_upload.hpp>

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <cassert>
#include <random>
#include <utility>

namespace tz {

namespace {

std::string random_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 32; ++i)
        token += "0123456789abcdef"[random() % 16];
    return token;
}

/// The server refuses what it doesn't know.
bool is_unknown(const S3Answer& answer) {
    return answer.is(501, S3Code::not_supported) || answer.is(400, S3Code::bad_request);
}

} // namespace

std::shared_ptr<Target> s3_target(
    const std::string& uri,
    const NetworkOptions& network,
    Existing existing,
    Log log,
    std::uint64_t part_bytes) {
    S3Name name = parse_s3_uri(uri);
    if (!name.version_id.empty())
        throw Error(errc::usage, "a version can't be written", {}, "leave ?versionId out")
            .in(printable(uri));
    S3Upload::Setup setup;
    setup.key = name.key;
    setup.access = s3_access(std::move(name), network, log);
    setup.retry = network.retry;
    setup.existing = existing;
    setup.sign_payloads = network.s3.sign_payloads;
    setup.part_bytes = part_bytes;
    setup.log = std::move(log);
    return std::make_shared<S3Upload>(std::move(setup));
}

S3Upload::S3Upload(Setup setup)
    : Target(setup.access.name),
      client_(std::move(setup.access), setup.retry, setup.log),
      key_(std::move(setup.key)),
      existing_(setup.existing),
      sign_payloads_(setup.sign_payloads),
      part_bytes_wanted_(setup.part_bytes),
      log_(std::move(setup.log)),
      token_(random_token()) {}

TargetShape S3Upload::shape(std::uint64_t bytes) const {
    try {
        return {part_bytes_for(bytes, part_bytes_wanted_)};
    } catch (const Error& error) {
        throw error.in(name());
    }
}

awaitable<void> S3Upload::begin(Loop& loop, std::uint64_t bytes) {
    bytes_ = bytes;
    part_bytes_ = shape(bytes).part_bytes;
    try {
        if (existing_ == Existing::refused) // sooner than after hours; publish() looks again
            co_await check_free(loop);
        if (bytes > part_bytes_)
            co_await create(loop);
    } catch (const Error& error) {
        throw error.in(name());
    }
}

awaitable<void>
S3Upload::write(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
    assert(offset % part_bytes_ == 0 && bytes.size() == std::min(part_bytes_, bytes_ - offset));
    if (upload_id_.empty()) { // to be sent by publish(), when these bytes may be gone
        auto keep = [this, bytes] { whole_.assign(bytes.begin(), bytes.end()); };
        co_await loop.workers().run(std::move(keep));
        co_return;
    }
    try {
        co_await put_part(loop, bytes, offset);
    } catch (const Error& error) {
        throw error.in(name());
    }
}

awaitable<void> S3Upload::publish(Loop& loop) {
    try {
        if (may_have_others_)
            co_await look_for_others(loop, Clock::time_point::max());
        if (upload_id_.empty())
            co_await put_whole(loop);
        else
            co_await complete(loop);
        upload_id_.clear();
    } catch (const Error& error) {
        throw error.in(name());
    }
    client_.close();
}

/// Without TLS the signature is all that protects the bytes on their way.
bool S3Upload::signs_payloads() const {
    return sign_payloads_ || !client_.tls();
}

awaitable<S3Answer> S3Upload::ask_head(Loop& loop) {
    const S3Request request = S3Request::of("HEAD");
    S3Answer answer = co_await client_.call(loop, request);
    co_return answer;
}

Error S3Upload::exists() {
    return Error(errc::usage, "the object exists", {}, "--force replaces it");
}

/// Who may write need not be allowed to read; then If-None-Match alone decides.
awaitable<void> S3Upload::check_free(Loop& loop) {
    const S3Answer answer = co_await ask_head(loop);
    if (answer.good())
        throw exists();
    if (answer.head.status != 404 && answer.head.status != 403)
        throw answer.refusal();
}

/// The object that has the name is that of this upload.
awaitable<bool> S3Upload::is_ours(Loop& loop) {
    const S3Answer answer = co_await ask_head(loop);
    co_return answer.good() && answer.head.find(token_header) == token_;
}

awaitable<void> S3Upload::create(Loop& loop) {
    S3Request request = create_request(true);
    S3Answer answer = co_await client_.call(loop, request, &may_have_others_);
    if (is_unknown(answer)) {
        request = create_request(false);
        answer = co_await client_.call(loop, request, &may_have_others_);
    }
    if (!answer.good())
        throw answer.refusal();
    const bool others = std::exchange(may_have_others_, true); // as long as it has no name
    auto id = created_upload(answer.text);
    if (!id)
        throw no_s3_answer("the beginning of an upload");
    upload_id_ = std::move(*id);
    may_have_others_ = others;
    // servers that know nothing of checksums don't say so, but they don't repeat the word
    const auto algorithm = answer.head.find("x-amz-checksum-algorithm");
    knows_checksums_ = algorithm && boost::iequals(*algorithm, "CRC32C");
    checksum_of_whole_ =
        knows_checksums_ && answer.head.find("x-amz-checksum-type") == "FULL_OBJECT";
    parts_.resize(static_cast<std::size_t>((bytes_ + part_bytes_ - 1) / part_bytes_));
}

S3Request S3Upload::create_request(bool checksums) const {
    S3Request request = S3Request::of("POST", "uploads=");
    request.to_the_end = true;
    request.add("Content-Type", "application/octet-stream");
    request.add(token_header, token_);
    if (checksums) {
        request.add("x-amz-checksum-algorithm", "CRC32C");
        request.add("x-amz-checksum-type", "FULL_OBJECT");
    }
    return request;
}

awaitable<void>
S3Upload::put_part(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
    const WantedSums wanted{
        signs_payloads(), !signs_payloads() && !knows_checksums_, knows_checksums_};
    PayloadSums sums;
    auto work = [&sums, bytes, wanted] { sums = payload_sums(bytes, wanted); };
    co_await loop.workers().run(std::move(work));
    const S3Request request = part_request(bytes, offset, sums);
    const std::string sum = crc32c_text(sums.crc32c);
    for (bool again : {true, false}) {
        const S3Answer answer = co_await client_.call(loop, request);
        if (!answer.good())
            throw answer.refusal(offset);
        const auto told = answer.head.find("x-amz-checksum-crc32c");
        if (knows_checksums_ && told && *told != sum) {
            if (again)
                continue;
            throw Error(
                errc::integrity,
                "the server got a part with another CRC-32C than it was sent with",
                offset,
                "try again; if it stays so, check the network and this machine's memory");
        }
        const auto etag = answer.head.find("etag");
        if (!etag)
            throw no_s3_answer("a part");
        Part& part = parts_[static_cast<std::size_t>(offset / part_bytes_)];
        part.told = UploadedPart{std::string(*etag), knows_checksums_ ? sum : std::string()};
        part.crc32c = sums.crc32c;
        co_return;
    }
}

S3Request S3Upload::part_request(
    std::span<const std::byte> bytes, std::uint64_t offset, PayloadSums& sums) const {
    S3Request request = S3Request::of(
        "PUT",
        "partNumber=" + std::to_string(offset / part_bytes_ + 1) +
            "&uploadId=" + percent_encode(upload_id_, false));
    request.payload = bytes;
    request.offset = offset;
    request.payload_sha256 = std::move(sums.sha256);
    if (!sums.md5.empty())
        request.add("Content-MD5", std::move(sums.md5));
    if (knows_checksums_)
        request.add("x-amz-checksum-crc32c", crc32c_text(sums.crc32c));
    return request;
}

} // namespace tz
