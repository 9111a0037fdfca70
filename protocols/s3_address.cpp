#include <tz/format/error.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_error.hpp>

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace tz {

namespace {

constexpr std::size_t uri_bytes_max = 8192; // a key has at most 1024
constexpr std::size_t bucket_bytes_max = 255;

bool all_of(std::string_view text, std::string_view others) {
    return std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

[[noreturn]] void refuse_uri(const char* what) {
    throw Error(errc::usage, what, {}, "write s3://BUCKET/KEY or s3://BUCKET/KEY?versionId=ID");
}

/// Can stand before the endpoint's host, as the rules for names of new buckets have it.
bool host_label(std::string_view bucket) {
    if (bucket.size() < 3 || bucket.size() > 63 || !all_of(bucket, "-."))
        return false;
    const auto edge = [](char c) { return c == '-' || c == '.'; };
    return !edge(bucket.front()) && !edge(bucket.back()) &&
           bucket.find("..") == std::string_view::npos &&
           bucket.find(".-") == std::string_view::npos &&
           bucket.find("-.") == std::string_view::npos;
}

/// The bucket of `uri`, which is then what comes after it.
std::string take_bucket(std::string_view& uri) {
    if (uri.size() > uri_bytes_max)
        refuse_uri("the URI is longer than 8 KiB");
    if (!boost::istarts_with(uri, "s3://"))
        refuse_uri("this is no s3:// URI");
    uri.remove_prefix(5);
    const std::size_t slash = std::min(uri.find('/'), uri.size());
    std::string bucket(uri.substr(0, slash));
    if (bucket.starts_with("arn:"))
        throw Error(
            errc::unsupported, "ARNs of access points are not supported", {}, "use the alias");
    // a name with '@' is a password in the wrong place; ':' parts Ceph's tenants from their buckets
    const bool characters = std::ranges::all_of(bucket, [](char c) {
        return (c >= 'A' && c <= 'Z') || all_of(std::string_view(&c, 1), "-._:");
    });
    if (bucket.empty() || bucket.size() > bucket_bytes_max || !characters || bucket == "." ||
        bucket == "..")
        refuse_uri("the URI names no valid bucket");
    uri.remove_prefix(slash);
    return bucket;
}

void check_key(std::string_view key) {
    if (key.find('\0') != std::string_view::npos || !valid_utf8(key))
        refuse_uri("the object's name is not UTF-8");
}

} // namespace

S3Name parse_s3_uri(std::string_view uri) {
    S3Name name;
    name.bucket = take_bucket(uri);
    if (uri.size() <= 1)
        refuse_uri("the URI names a bucket but no object");
    std::string_view key = uri.substr(1);
    static constexpr std::string_view version = "?versionId=";
    if (const std::size_t at = key.rfind(version); at != std::string_view::npos) {
        name.version_id = percent_decode(key.substr(at + version.size()));
        key = key.substr(0, at);
        if (name.version_id.empty())
            refuse_uri("the URI has an empty versionId");
    }
    if (key.empty())
        refuse_uri("the URI names a bucket but no object");
    check_key(key);
    name.key = key;
    return name;
}

S3Name parse_s3_prefix(std::string_view uri) {
    S3Name name;
    name.bucket = take_bucket(uri);
    name.key = uri.substr(std::min<std::size_t>(1, uri.size()));
    check_key(name.key);
    return name;
}

S3Address s3_address(const S3Name& name, const S3Endpoint& endpoint, bool sign) {
    const std::string& host = endpoint.url.host;
    const bool possible = host_label(name.bucket) && !IpAddress::parse(host);
    // a certificate for *.HOST does not cover a bucket with a dot
    const bool covered = !endpoint.url.tls || name.bucket.find('.') == std::string::npos;
    const auto in = [&](const char* domain) {
        return host == domain || boost::ends_with(host, std::string(".") + domain);
    };
    bool virtual_host = false;
    switch (endpoint.style) {
    case S3Style::path:
        break;
    case S3Style::virtual_hosts:
        virtual_host = possible && (covered || endpoint.style_explicit);
        break;
    case S3Style::automatic:
        virtual_host =
            possible && covered && (endpoint.amazon || in("cwobject.com") || in("cwlota.com"));
        break;
    }
    if (endpoint.style == S3Style::virtual_hosts && endpoint.style_explicit && !possible)
        throw Error(
            errc::usage,
            "the bucket's name or the endpoint does not allow virtual hosts",
            {},
            "ask for path style");

    S3Address address;
    address.url = endpoint.url;
    if (virtual_host)
        address.url.host = name.bucket + "." + host;
    else
        address.url.path += percent_encode(name.bucket, false) + "/";
    address.url.path += percent_encode(name.key, true);
    if (!name.version_id.empty()) {
        address.url.has_query = true;
        address.url.query = "versionId=" + percent_encode(name.version_id, false);
    }
    address.host = address.url.authority();
    address.region = endpoint.region;
    address.sign = sign;
    address.amazon = endpoint.amazon;
    return address;
}

std::optional<std::string> region_answer(
    const S3Address& asked,
    int status,
    const std::optional<std::string>& header,
    std::string_view body) {
    if (!asked.amazon || (status != 301 && status != 307 && status != 400))
        return {};
    std::string region = header.value_or("");
    if (region.empty())
        if (const std::optional<S3Error> error = s3_error(body))
            region = error->region;
    // it becomes part of a host's name
    if (region.empty() || region.size() > 32 || !all_of(region, "-") || region.front() == '-' ||
        region.back() == '-' || region == asked.region)
        return {};
    return region;
}

} // namespace tz
