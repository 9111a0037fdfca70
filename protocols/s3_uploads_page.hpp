// Asks a bucket for a page of the uploads that are neither completed nor aborted.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/protocols/s3_client.hpp>

#include <string>

namespace tz {

/// The page behind `last`, which is empty for the first one, of the uploads whose keys begin with
/// `prefix`. `client` is for the bucket, or for an object of it. `until` is for S3Way::brief.
/// Throws `tz::Error`.
awaitable<UploadsPage> ask_uploads(
    Loop& loop,
    S3Client& client,
    const std::string& prefix,
    const UploadsPage& last,
    S3Way way = S3Way::pooled,
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

} // namespace tz
