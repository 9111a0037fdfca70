#include <tz/tests/support/s3_store.hpp>

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

namespace tz::test {

namespace {

using Digest = std::vector<unsigned char>;

Digest digest_of(const std::string& bytes, const EVP_MD* kind) {
    Digest digest(static_cast<std::size_t>(EVP_MD_get_size(kind)));
    ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, kind, nullptr);
    return digest;
}

std::string base64_of(const Digest& digest) {
    std::string text(4 * ((digest.size() + 2) / 3) + 1, '\0');
    const int size = ::EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(text.data()),
        digest.data(),
        static_cast<int>(digest.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string hex_of(const Digest& digest) {
    std::string text;
    std::array<char, 3> digits{};
    for (const unsigned char byte : digest) {
        std::snprintf(digits.data(), digits.size(), "%02x", byte);
        text += digits.data();
    }
    return text;
}

Page error(int status, const std::string& code) {
    return {
        status,
        "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>",
        {{"Content-Type", "application/xml"}}};
}

std::string etag_of(const std::string& bytes) {
    return "\"" + hex_of(digest_of(bytes, ::EVP_md5())) + "\"";
}

/// The code of a body that is not what its headers say.
std::string damage(const Request& request) {
    const std::string md5 = request.field("Content-MD5");
    if (!md5.empty() && md5 != base64_of(digest_of(request.body, ::EVP_md5())))
        return "BadDigest";
    const std::string sha256 = request.field("x-amz-content-sha256");
    if (sha256.size() == 64 && sha256 != hex_of(digest_of(request.body, ::EVP_sha256())))
        return "XAmzContentSHA256Mismatch";
    const std::string crc = request.field("x-amz-checksum-crc32c");
    if (!crc.empty() && request.method == "PUT" && crc != crc32c_base64(request.body))
        return "BadDigest";
    return "";
}

bool speaks_of_checksums(const Request& request) {
    return !request.field("x-amz-checksum-algorithm").empty() ||
           !request.field("x-amz-checksum-crc32c").empty();
}

/// What stands between the next `<name>` and its end; moves `at` behind it.
std::optional<std::string>
next_element(const std::string& text, const std::string& name, std::size_t& at) {
    const std::size_t from = text.find("<" + name + ">", at);
    const std::size_t to = from == text.npos ? from : text.find("</" + name + ">", from);
    if (to == text.npos)
        return {};
    at = to;
    const std::size_t begin = from + name.size() + 2;
    return text.substr(begin, to - begin);
}

std::string decoded(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size()) {
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
            plain += static_cast<char>(value);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

bool has_parameter(const Request& request, const std::string& name) {
    return ("&" + request.query).find("&" + name) != std::string::npos;
}

} // namespace

std::string crc32c_base64(const std::string& bytes) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t crc = i;
            for (int bit = 0; bit < 8; ++bit)
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
            made[i] = crc;
        }
        return made;
    }();
    std::uint32_t crc = ~0u;
    for (const char c : bytes)
        crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
    crc = ~crc;
    Digest digest;
    for (int i = 3; i >= 0; --i)
        digest.push_back(static_cast<unsigned char>(crc >> 8 * i));
    return base64_of(digest);
}

std::optional<Page> S3Store::answer(const Request& request) {
    const std::lock_guard lock(mutex_);
    if (refuses_checksums && speaks_of_checksums(request))
        return error(501, "NotImplemented");
    if (const std::string code = damage(request); !code.empty())
        return error(400, code);
    const bool in_upload = has_parameter(request, "uploadId=");
    if (request.method == "HEAD")
        return head(request);
    if (request.method == "PUT")
        return in_upload ? put_part(request) : put_object(request);
    if (request.method == "POST")
        return in_upload ? complete(request) : create(request);
    if (request.method == "DELETE" && in_upload)
        return abort(request);
    if (request.method == "GET" && has_parameter(request, "uploads"))
        return list(request);
    return {};
}

std::optional<std::string> S3Store::object(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(path);
    if (found == objects_.end())
        return {};
    return found->second.bytes;
}

void S3Store::put(const std::string& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    objects_[path] = {std::move(bytes), ""};
}

std::size_t S3Store::uploads() const {
    const std::lock_guard lock(mutex_);
    return uploads_.size();
}

std::size_t S3Store::parts() const {
    const std::lock_guard lock(mutex_);
    std::size_t parts = 0;
    for (const auto& [id, upload] : uploads_)
        parts += upload.parts.size();
    return parts;
}

bool S3Store::taken(const Request& request) const {
    return !ignores_conditions && request.field("If-None-Match") == "*" &&
           objects_.contains(request.path);
}

Page S3Store::head(const Request& request) const {
    const auto found = objects_.find(request.path);
    if (found == objects_.end())
        return {404, "", {}};
    Page page{200, found->second.bytes, {{"ETag", etag_of(found->second.bytes)}}};
    if (!found->second.token.empty())
        page.fields.emplace_back("x-amz-meta-tz-upload", found->second.token);
    return page;
}

Page S3Store::put_object(const Request& request) {
    if (!conditions && !request.field("If-None-Match").empty())
        return error(501, "NotImplemented");
    if (taken(request))
        return error(412, "PreconditionFailed");
    objects_[request.path] = {request.body, request.field("x-amz-meta-tz-upload")};
    Page page{200, "", {{"ETag", etag_of(request.body)}}};
    if (!wrong_crc.empty())
        page.fields.emplace_back("x-amz-checksum-crc32c", wrong_crc);
    return page;
}

Page S3Store::create(const Request& request) {
    const std::string id = "id/" + std::to_string(++last_id_) + "+=";
    Upload& upload = uploads_[id];
    upload.path = request.path;
    upload.token = request.field("x-amz-meta-tz-upload");
    upload.checksums = checksums && speaks_of_checksums(request);
    Page page{
        200,
        "<InitiateMultipartUploadResult><UploadId>" + id +
            "</UploadId></InitiateMultipartUploadResult>",
        {}};
    if (upload.checksums) {
        page.fields.emplace_back("x-amz-checksum-algorithm", "CRC32C");
        page.fields.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
    }
    return page;
}

Page S3Store::put_part(const Request& request) {
    const auto found = uploads_.find(decoded(request.parameter("uploadId")));
    if (found == uploads_.end() || found->second.path != request.path)
        return error(404, "NoSuchUpload");
    found->second.parts[std::stoi(request.parameter("partNumber"))] = request.body;
    Page page{200, "", {{"ETag", etag_of(request.body)}}};
    if (found->second.checksums)
        page.fields.emplace_back(
            "x-amz-checksum-crc32c", wrong_crc.empty() ? crc32c_base64(request.body) : wrong_crc);
    return page;
}

Page S3Store::complete(const Request& request) {
    const auto found = uploads_.find(decoded(request.parameter("uploadId")));
    if (found == uploads_.end() || found->second.path != request.path)
        return error(404, "NoSuchUpload");
    if (!conditions && !request.field("If-None-Match").empty())
        return error(501, "NotImplemented");
    if (taken(request))
        return error(412, "PreconditionFailed");
    std::string whole;
    std::size_t at = 0;
    while (const auto number = next_element(request.body, "PartNumber", at)) {
        const auto etag = next_element(request.body, "ETag", at);
        const auto part = found->second.parts.find(std::stoi(*number));
        if (!etag || part == found->second.parts.end() || etag_of(part->second) != *etag)
            return error(400, "InvalidPart");
        whole += part->second;
    }
    const std::string crc = crc32c_base64(whole);
    const std::string given = request.field("x-amz-checksum-crc32c");
    if (!given.empty() && given != crc)
        return error(400, "BadDigest");
    std::string told;
    if (found->second.checksums)
        told = "<ChecksumCRC32C>" + crc + "</ChecksumCRC32C>";
    objects_[request.path] = {std::move(whole), found->second.token};
    uploads_.erase(found);
    // blanks keep the connection awake
    return {
        200,
        "  \n <?xml version=\"1.0\"?>\n  <CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>" +
            told + "</CompleteMultipartUploadResult>",
        {}};
}

Page S3Store::abort(const Request& request) {
    const auto found = uploads_.find(decoded(request.parameter("uploadId")));
    if (found == uploads_.end() || found->second.path != request.path)
        return error(404, "NoSuchUpload");
    uploads_.erase(found);
    return {204, "", {}};
}

/// In the order of ids, which is as good as any.
Page S3Store::list(const Request& request) const {
    const std::string prefix = request.path + decoded(request.parameter("prefix"));
    const std::string after = decoded(request.parameter("upload-id-marker"));
    std::string text;
    std::string next;
    std::size_t listed = 0;
    bool more = false;
    for (const auto& [id, upload] : uploads_) {
        if (!upload.path.starts_with(prefix) || (!after.empty() && id <= after))
            continue;
        more = listed == page;
        if (more)
            break;
        const std::string key = upload.path.substr(request.path.size());
        text += "<Upload><Key>" + key + "</Key><UploadId>" + id +
                "</UploadId><Initiated>2026-11-26T10:45:00.000Z</Initiated></Upload>";
        next = "<NextKeyMarker>" + key + "</NextKeyMarker><NextUploadIdMarker>" + id +
               "</NextUploadIdMarker>";
        ++listed;
    }
    return {
        200,
        "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>" +
            std::string(more ? "true" : "false") + "</IsTruncated>" + (more ? next : "") + text +
            "</ListMultipartUploadsResult>",
        {}};
}

} // namespace tz::test
