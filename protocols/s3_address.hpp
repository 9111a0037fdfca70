// From s3://BUCKET/KEY and the settings to the URL of an object. Pure. CoreWeave's endpoints have
// names of their own: "coreweave" and, for reading through its caches, "coreweave-accelerated"; its
// public models are in s3://tensorized/, to be read without signing.
#pragma once

#include <tz/protocols/s3_settings.hpp>
#include <tz/protocols/url.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// What s3://BUCKET/KEY[?versionId=ID] names. A key is any text: it is not decoded, and keeps
/// empty and dot segments.
struct S3Name {
    std::string bucket;
    std::string key;
    std::string version_id; ///< unset: the newest

    bool operator==(const S3Name&) const = default;
};

/// Throws `tz::Error` (errc::usage).
S3Name parse_s3_uri(std::string_view uri);

/// The same for s3://BUCKET[/PREFIX], where the key is how keys begin, and there are no versions.
S3Name parse_s3_prefix(std::string_view uri);

enum class S3Style : std::uint8_t {
    automatic, ///< virtual hosts where Amazon or CoreWeave serves and the bucket's name allows it
    path,      ///< HOST/BUCKET/KEY
    virtual_hosts, ///< BUCKET.HOST/KEY where the bucket's name and its certificate allow it
};

/// Where S3 is.
struct S3Endpoint {
    Url url;             ///< without bucket; the path ends in '/'
    bool amazon = false; ///< Amazon's own: then a region answer may be followed
    bool given = false;  ///< somebody set it: then the metadata service is not asked
    std::string region;
    S3Style style = S3Style::automatic;
    bool style_explicit = false; ///< a bucket that it does not allow is an error
    bool verify_tls = true;      ///< false where S3_VERIFY_SSL says so
    std::string url_source;      ///< who set the URL: "AWS_ENDPOINT_URL", "~/.s3cfg" ...
    std::string region_source;
};

/// The first of: options, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile, ~/.s3cfg,
/// S3_ENDPOINT_URL, S3_ENDPOINT with KServe's S3_USE_HTTPS, AWS_HOST; else Amazon in the region.
/// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS and the profile's key of that name leave out those of AWS's
/// own variables and files. The region: options, AWS_REGION, AWS_DEFAULT_REGION, the profile,
/// us-east-1. Throws `tz::Error`.
S3Endpoint find_s3_endpoint(S3Settings& settings);

/// The URL of STS by AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, the profile; else Amazon's.
Url find_sts_endpoint(S3Settings& settings);

/// One object at one place.
struct S3Address {
    Url url;
    std::string host; ///< what Host says
    std::string region;
    bool sign = true;
    bool amazon = false;
};

/// Throws `tz::Error` (errc::usage) where the bucket's name does not allow the style.
S3Address s3_address(const S3Name& name, const S3Endpoint& endpoint, bool sign);

/// The region that an answer names, if it is Amazon's answer, redirects or refuses for the region's
/// sake, and names another one. To be followed once. `header` is x-amz-bucket-region.
std::optional<std::string> region_answer(
    const S3Address& asked,
    int status,
    const std::optional<std::string>& header,
    std::string_view body);

/// Amazon's endpoint in another region.
S3Endpoint in_region(const S3Endpoint& endpoint, const std::string& region);

} // namespace tz
