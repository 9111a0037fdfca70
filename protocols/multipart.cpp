#include <tz/format/error.hpp>
#include <tz/protocols/iso_time.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>
#include <pugixml.hpp>
#include <utility>

namespace tz {

namespace {

// Real ids have less than 200 bytes; S3 names no limit.
constexpr std::size_t upload_id_bytes_max = 4096;
constexpr std::size_t etag_bytes_max = 256;
constexpr std::size_t answer_bytes_max = 1 << 20; // with the blanks that keep a connection awake

/// The document's first element, where that has this name.
class Answer {
public:
    Answer(std::string_view body, std::size_t bytes_max, const char* name) {
        if (body.size() > bytes_max)
            return;
        // before the declaration, blanks that kept the connection awake are no XML
        body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
        const auto result = document_.load_buffer(
            body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
        const pugi::xml_node root = document_.document_element();
        if (result && std::string_view(root.name()) == name)
            root_ = root;
    }

    explicit operator bool() const { return static_cast<bool>(root_); }

    const pugi::xml_node& root() const { return root_; }

private:
    pugi::xml_document document_;
    pugi::xml_node root_;
};

/// Empty where it is missing or longer than it may be.
std::string text_of(const pugi::xml_node& parent, const char* name, std::size_t bytes_max) {
    std::string text = parent.child(name).text().get();
    return text.size() <= bytes_max ? text : std::string();
}

[[noreturn]] void unusable(const char* what) {
    throw Error(
        errc::transport,
        std::string("the server's list of uploads ") + what,
        {},
        "check that the endpoint is an S3 server");
}

/// A key as it is listed with `encoding-type=url`, where Amazon writes '+' for a blank.
std::string decoded(std::string text) {
    std::ranges::replace(text, '+', ' ');
    try {
        return percent_decode(text);
    } catch (const Error&) {
        unusable("has a key that is not encoded properly");
    }
}

UnfinishedUpload upload_of(const pugi::xml_node& node, bool encoded) {
    UnfinishedUpload upload;
    upload.key = node.child("Key").text().get();
    if (encoded)
        upload.key = decoded(std::move(upload.key));
    upload.upload_id = text_of(node, "UploadId", upload_id_bytes_max);
    const auto time = parse_time(node.child("Initiated").text().get());
    if (upload.key.empty() || upload.upload_id.empty() || !time)
        unusable("lacks a key, an id or a time");
    upload.initiated = std::chrono::floor<std::chrono::seconds>(*time);
    return upload;
}

} // namespace

std::uint64_t part_bytes_for(std::uint64_t object_bytes, std::uint64_t wanted) {
    constexpr std::uint64_t unit = 1 << 20;
    static_assert(part_bytes_usual >= part_bytes_min && part_bytes_max % unit == 0);
    const std::uint64_t least = object_bytes / parts_max + (object_bytes % parts_max != 0 ? 1 : 0);
    if (least > part_bytes_max)
        throw Error(
            errc::limit,
            std::to_string(object_bytes) + " bytes are more than S3 takes as one object",
            {},
            "store it as several objects");
    if (least <= wanted)
        return wanted;
    return (least + unit - 1) / unit * unit;
}

std::string complete_request(std::span<const UploadedPart> parts) {
    pugi::xml_document document;
    pugi::xml_node root = document.append_child("CompleteMultipartUpload");
    root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
    for (std::size_t i = 0; i < parts.size(); ++i) {
        pugi::xml_node part = root.append_child("Part");
        part.append_child("PartNumber").text() = static_cast<unsigned>(i + 1);
        part.append_child("ETag").text() = parts[i].etag.c_str();
        if (!parts[i].crc32c.empty())
            part.append_child("ChecksumCRC32C").text() = parts[i].crc32c.c_str();
    }

    struct Writer : pugi::xml_writer {
        void write(const void* data, std::size_t size) override {
            text.append(static_cast<const char*>(data), size);
        }

        std::string text;
    } writer;

    document.save(writer, "", pugi::format_raw | pugi::format_no_declaration);
    return std::move(writer.text);
}

std::optional<std::string> created_upload(std::string_view body) {
    const Answer answer(body, answer_bytes_max, "InitiateMultipartUploadResult");
    std::string id = answer ? text_of(answer.root(), "UploadId", upload_id_bytes_max) : "";
    if (id.empty())
        return {};
    return id;
}

std::optional<CompletedUpload> completed_upload(std::string_view body) {
    const Answer answer(body, answer_bytes_max, "CompleteMultipartUploadResult");
    if (!answer)
        return {};
    CompletedUpload upload;
    upload.etag = text_of(answer.root(), "ETag", etag_bytes_max);
    upload.crc32c = text_of(answer.root(), "ChecksumCRC32C", etag_bytes_max);
    return upload;
}

std::optional<UploadsPage> uploads_page(std::string_view body) {
    const Answer answer(body, uploads_page_bytes_max, "ListMultipartUploadsResult");
    if (!answer)
        return {};
    const pugi::xml_node& root = answer.root();
    const bool encoded = text_of(root, "EncodingType", 16) == "url";
    UploadsPage page;
    for (const pugi::xml_node& node : root.children("Upload"))
        page.uploads.push_back(upload_of(node, encoded));
    page.more = text_of(root, "IsTruncated", 16) == "true";
    page.next_key = root.child("NextKeyMarker").text().get();
    if (encoded)
        page.next_key = decoded(std::move(page.next_key));
    page.next_upload_id = text_of(root, "NextUploadIdMarker", upload_id_bytes_max);
    if (page.more && page.next_key.empty())
        unusable("says that there is more, and not where");
    return page;
}

} // namespace tz
