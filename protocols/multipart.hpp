// Multipart uploads to S3: how an object is cut into parts, and the XML that requests and answers
// carry. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz {

/// Of one upload: S3's own limit.
inline constexpr std::uint64_t parts_max = 10'000;
/// Of each part but the last: S3's own limits.
inline constexpr std::uint64_t part_bytes_min = 5 << 20;
inline constexpr std::uint64_t part_bytes_max = 5ull << 30;
/// A request costs a flight, and a part that failed is sent again from its start.
inline constexpr std::uint64_t part_bytes_usual = 8 << 20;

/// The size of all parts of an object but the last: at least `wanted`, and a multiple of 1 MiB
/// where `wanted` makes too many. Throws `tz::Error` (errc::limit) for an object that is too large.
std::uint64_t part_bytes_for(std::uint64_t object_bytes, std::uint64_t wanted = part_bytes_usual);

/// What the server said of a part that it has.
struct UploadedPart {
    std::string etag;   ///< as it was sent, with its quotes
    std::string crc32c; ///< base64; empty where the server knows no checksums
};

/// The body of CompleteMultipartUpload for parts 1, 2, 3 ...
std::string complete_request(std::span<const UploadedPart> parts);

/// The upload's id in an answer to CreateMultipartUpload; nothing where that is something else.
std::optional<std::string> created_upload(std::string_view body);

/// The end of an upload, as the answer tells it.
struct CompletedUpload {
    std::string etag;
    std::string crc32c; ///< base64, with "-N" behind it where it is one of the parts' checksums
};

/// Nothing where the answer is something else: an error, or nothing at all.
std::optional<CompletedUpload> completed_upload(std::string_view body);

/// An upload that was neither completed nor aborted.
struct UnfinishedUpload {
    std::string key;
    std::string upload_id;
    std::chrono::sys_seconds initiated{}; ///< by the server's clock
};

/// A page of an answer to ListMultipartUploads.
struct UploadsPage {
    std::vector<UnfinishedUpload> uploads;
    bool more = false; ///< than these; the next page begins after the markers
    std::string next_key;
    std::string next_upload_id;
};

/// A page has at most 1000 uploads, with keys of at most 1024 bytes, encoded.
inline constexpr std::size_t uploads_page_bytes_max = 8 << 20;

/// Nothing where the answer is something else. Throws `tz::Error` (errc::transport) where it lacks
/// what it must have, or holds what can't be.
std::optional<UploadsPage> uploads_page(std::string_view body);

} // namespace tz
