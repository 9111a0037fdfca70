// Who says where S3 and STS are, and Amazon's own hosts.
#include <tz/format/error.hpp>
#include <tz/protocols/s3_address.hpp>

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace tz {

namespace {

struct Partition {
    std::string_view region_prefix;
    std::string_view domain;
};

// From botocore's data/partitions.json; the last one holds for all other regions.
constexpr Partition partitions[] = {
    {"cn-", "amazonaws.com.cn"},
    {"eusc-", "amazonaws.eu"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"},
    {"", "amazonaws.com"},
};

bool letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Url amazon_url(std::string_view service, const std::string& region) {
    const bool label = region.size() <= 32 && std::ranges::all_of(region, [](char c) {
                           return (letter_or_digit(c) && !(c >= 'A' && c <= 'Z')) || c == '-';
                       });
    if (!label || region.empty() || region.front() == '-' || region.back() == '-')
        throw Error(
            errc::usage,
            "this is no region of Amazon's: " + printable(region),
            {},
            "name one like eu-west-1, or an endpoint");
    const Partition& partition = *std::ranges::find_if(
        partitions, [&](const Partition& p) { return region.starts_with(p.region_prefix); });
    Url url;
    url.tls = true;
    url.port = 443;
    url.host = std::string(service) + "." + region + "." + std::string(partition.domain);
    return url;
}

bool amazon_host(const std::string& host) {
    return std::ranges::any_of(partitions, [&](const Partition& p) {
        return boost::ends_with(host, "." + std::string(p.domain));
    });
}

/// A URL, a host with or without port, or one of our names.
Url endpoint_url(std::string text, bool tls, const std::string& source) {
    if (text == "coreweave")
        text = "https://object.ord1.coreweave.com";
    else if (text == "coreweave-accelerated")
        text = "https://accel-object.ord1.coreweave.com";
    else if (text.find("://") == std::string::npos)
        text = (tls ? "https://" : "http://") + text;
    try {
        Url url = parse_url(text);
        if (!url.userinfo.empty() || url.has_query)
            throw Error(
                errc::usage,
                "an endpoint has no user, password or query",
                {},
                "write https://HOST or http://HOST:PORT");
        if (!url.path.ends_with('/'))
            url.path += '/';
        return url;
    } catch (const Error& error) {
        throw error.in("the endpoint of " + source);
    }
}

std::pair<std::string, std::string> find_region(S3Settings& settings) {
    const auto pick = [&]() -> std::pair<std::string, std::string> {
        if (!settings.options().region.empty())
            return {settings.options().region, "options"};
        for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"})
            if (const auto value = settings.environment(variable))
                return {*value, variable};
        const AwsProfile* profile = settings.profile();
        if (profile != nullptr && !profile->region.empty())
            return {profile->region, "profile " + profile->name};
        return {"us-east-1", "default"};
    };
    auto [region, source] = pick();
    if (region == "aws-global")
        region = "us-east-1";
    // it stands in a header, between slashes
    const bool fits = region.size() <= 64 && std::ranges::all_of(region, [](char c) {
                          return letter_or_digit(c) || c == '-' || c == '_';
                      });
    if (!fits)
        throw Error(
            errc::usage, "the region from " + source + " is not valid", {}, "write eu-west-1");
    return {region, source};
}

struct Found {
    std::string text;
    std::string source;
    bool tls = true; // where the text has no scheme
};

bool ignores_configured(S3Settings& settings) {
    if (settings.environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        return settings.environment_flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const AwsProfile* profile = settings.profile();
    return profile != nullptr && profile->ignore_configured_endpoint_urls;
}

/// What AWS's own variables and files say. The service's variable is AWS_ENDPOINT_URL_... .
std::optional<Found>
configured(S3Settings& settings, const char* variable, std::string AwsProfile::* url) {
    const bool in_environment =
        settings.environment(variable) || settings.environment("AWS_ENDPOINT_URL");
    const AwsProfile* profile = in_environment ? nullptr : settings.profile();
    if ((!in_environment && profile == nullptr) || ignores_configured(settings))
        return {};
    for (const char* name : {variable, "AWS_ENDPOINT_URL"})
        if (const auto value = settings.environment(name))
            return Found{*value, name};
    if (profile != nullptr && !(profile->*url).empty())
        return Found{profile->*url, "profile " + profile->name};
    return {};
}

/// What other programs' variables and files say.
std::optional<Found> other(S3Settings& settings) {
    const S3cmdConfig* s3cfg = settings.s3cfg();
    // s3cmd writes Amazon's host into every file
    if (s3cfg != nullptr && !s3cfg->host_base.empty() && s3cfg->host_base != "s3.amazonaws.com")
        return Found{s3cfg->host_base, settings.s3cfg_path(), s3cfg->use_https.value_or(true)};
    if (const auto value = settings.environment("S3_ENDPOINT_URL"))
        return Found{*value, "S3_ENDPOINT_URL"};
    if (const auto value = settings.environment("S3_ENDPOINT")) {
        const bool tls =
            !settings.environment("S3_USE_HTTPS") || settings.environment_flag("S3_USE_HTTPS");
        return Found{*value, "S3_ENDPOINT", tls};
    }
    if (const auto value = settings.environment("AWS_HOST"))
        return Found{*value, "AWS_HOST"};
    return {};
}

void choose_style(S3Endpoint& endpoint, S3Settings& settings) {
    if (const std::optional<bool> asked = settings.options().virtual_hosts) {
        endpoint.style = *asked ? S3Style::virtual_hosts : S3Style::path;
        endpoint.style_explicit = true;
        return;
    }
    const AwsProfile* profile = settings.profile();
    const std::string style = profile != nullptr ? profile->addressing_style : "";
    if (style == "path")
        endpoint.style = S3Style::path;
    else if (
        style == "virtual" ||
        (style.empty() && settings.environment_flag("S3_USER_VIRTUAL_BUCKET")))
        endpoint.style = S3Style::virtual_hosts;
}

} // namespace

S3Endpoint find_s3_endpoint(S3Settings& settings) {
    S3Endpoint endpoint;
    std::tie(endpoint.region, endpoint.region_source) = find_region(settings);
    std::optional<Found> found;
    if (!settings.options().endpoint_url.empty())
        found = Found{settings.options().endpoint_url, "options"};
    if (!found)
        found = configured(settings, "AWS_ENDPOINT_URL_S3", &AwsProfile::endpoint_url);
    if (!found)
        found = other(settings);
    if (found) {
        endpoint.url = endpoint_url(found->text, found->tls, found->source);
        endpoint.amazon = amazon_host(endpoint.url.host);
        endpoint.given = !endpoint.amazon;
        endpoint.url_source = found->source;
        // KServe's; never for Amazon, and not against an option
        endpoint.verify_tls = endpoint.amazon || found->source == "options" ||
                              !settings.environment("S3_VERIFY_SSL") ||
                              settings.environment_flag("S3_VERIFY_SSL");
    } else {
        endpoint.url = amazon_url("s3", endpoint.region);
        endpoint.amazon = true;
        endpoint.url_source = "default";
    }
    choose_style(endpoint, settings);
    return endpoint;
}

Url find_sts_endpoint(S3Settings& settings) {
    if (const auto found =
            configured(settings, "AWS_ENDPOINT_URL_STS", &AwsProfile::sts_endpoint_url))
        return endpoint_url(found->text, found->tls, found->source);
    return amazon_url("sts", find_region(settings).first);
}

S3Endpoint in_region(const S3Endpoint& endpoint, const std::string& region) {
    S3Endpoint moved = endpoint;
    moved.url = amazon_url("s3", region);
    moved.region = region;
    moved.region_source = "answer";
    return moved;
}

} // namespace tz
