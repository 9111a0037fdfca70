#include <tz/format/error.hpp>
#include <tz/protocols/credential_providers.hpp>
#include <tz/protocols/ip_address.hpp>
#include <tz/protocols/iso_time.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_error.hpp>
#include <tz/protocols/wiped.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <pugixml.hpp>

namespace tz {

namespace {

using namespace std::chrono_literals;

constexpr int tries_max = 2; // nobody waits in between; lanes that need credentials try again later
constexpr auto sts_timeout = 5s;
constexpr auto container_timeout = 2s;
constexpr std::size_t container_bytes_max = 10'000; // as the CRT has them
constexpr std::size_t instance_bytes_max = 65'535;
constexpr std::size_t token_bytes_max = 64 << 10;

constexpr const char* container = "container";
constexpr const char* instance = "instance metadata";

std::string_view trimmed(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

/// The text of a token file without spaces around it.
std::string read_token(const S3Settings& settings, const char* provider, const std::string& path) {
    std::optional<std::string> text = settings.read(path);
    if (!text)
        refuse_credentials(provider, "the token file is not there: " + printable(path), "check it");
    const Wiped kept(std::move(*text));
    const std::string_view token = trimmed(kept.text());
    const bool printable_ascii =
        std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
    if (token.empty() || token.size() > token_bytes_max || !printable_ascii)
        refuse_credentials(
            provider, "the token file is empty or holds no token: " + printable(path), "check it");
    return std::string(token);
}

bool may_pass(int status) {
    return status >= 500 || status == 429 || status == 408;
}

/// Tries once more after what may pass. An answer of any status, or the last error.
HttpAnswer ask(const S3Settings& settings, const HttpCall& call, const std::string& provider) {
    for (int left = tries_max - 1;; --left) {
        try {
            HttpAnswer answer = settings.surroundings().http(call);
            if (left == 0 || !may_pass(answer.status))
                return answer;
        } catch (const Error& error) {
            if (error.kind() == errc::cancelled || error.kind() == errc::deadline)
                throw;
            if (left == 0)
                refuse_credentials(
                    provider, std::string("no answer: ") + error.what(), "check the network");
        }
    }
}

[[noreturn]] void refuse_answer(const std::string& provider, int status, std::string_view body) {
    std::string what = "answered with status " + std::to_string(status);
    if (const std::optional<S3Error> error = s3_error(body))
        what += " " + error->code; // not its message, which may repeat what was sent
    refuse_credentials(provider, what, "check the role and who may assume it");
}

/// The value of a text field of `object`, which is wiped; nothing where there is none.
std::string take_text(nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string())
        return {};
    return std::move(found->get_ref<std::string&>());
}

/// What containers and the metadata service answer with.
Credentials from_json(const std::string& body, const char* provider) {
    nlohmann::json object = nlohmann::json::parse(body, nullptr, false);
    const auto refuse = [&] {
        refuse_credentials(provider, "the answer holds no credentials", "check the role");
    };
    if (!object.is_object())
        refuse();
    const Wiped secret(take_text(object, "SecretAccessKey"));
    const Wiped token(take_text(object, "Token"));
    Credentials found;
    found.access_key_id = take_text(object, "AccessKeyId");
    found.secret = make_secret(secret.text());
    found.token = make_secret(token.text());
    found.provider = provider;
    if (found.access_key_id.empty() || !found.secret)
        refuse();
    if (const std::string expires = take_text(object, "Expiration"); !expires.empty()) {
        found.expires = parse_time(expires);
        if (!found.expires)
            refuse();
    }
    return found;
}

/// Of the answer of STS; parses in place, so that nothing is copied.
Credentials from_xml(std::string& body, const std::string& provider) {
    pugi::xml_document document;
    const bool parsed = document.load_buffer_inplace(
        body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
    const pugi::xml_node keys = document.child("AssumeRoleWithWebIdentityResponse")
                                    .child("AssumeRoleWithWebIdentityResult")
                                    .child("Credentials");
    Credentials found;
    found.access_key_id = keys.child("AccessKeyId").text().get();
    found.secret = make_secret(keys.child("SecretAccessKey").text().get());
    found.token = make_secret(keys.child("SessionToken").text().get());
    found.expires = parse_time(keys.child("Expiration").text().get());
    found.provider = provider;
    if (!parsed || found.access_key_id.empty() || !found.secret || !found.token || !found.expires)
        refuse_credentials(
            provider, "the answer holds no credentials", "check the endpoint of STS");
    return found;
}

/// Allows only what is meant to hold credentials.
HttpCall container_call(const S3Settings& settings) {
    HttpCall call;
    call.method = "GET";
    call.timeout = container_timeout;
    call.answer_bytes_max = container_bytes_max;
    call.headers.emplace_back("Accept", "application/json");
    const char* variable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    std::string text;
    if (const auto relative = settings.environment(variable)) {
        if (!relative->starts_with('/'))
            refuse_credentials(
                container, std::string(variable) + " begins without '/'", "correct it");
        text = "http://169.254.170.2" + *relative;
    } else {
        variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        text = settings.environment(variable).value_or("");
    }
    try {
        call.url = parse_url(text);
    } catch (const Error&) {
        refuse_credentials(container, std::string(variable) + " is no URL", "correct it");
    }
    if (call.url.tls)
        return call;
    if (IpAddress::parse(call.url.host) && !container_address(call.url.host))
        refuse_credentials(
            container,
            std::string(variable) + " leads to " + printable(call.url.host) +
                ", which may not be asked without TLS",
            "use https, a loopback address, or those of ECS and EKS");
    call.container_hosts_only = true;
    return call;
}

/// Asks the metadata service, within 3 s for all calls together.
class InstanceService {
public:
    explicit InstanceService(const S3Settings& settings) : settings_(settings) {
        const auto endpoint = settings.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        const bool ipv6 =
            settings.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("") == "IPv6";
        try {
            base_ = parse_url(
                endpoint.value_or(ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"));
        } catch (const Error&) {
            refuse_credentials(
                instance, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL", "correct it");
        }
        while (base_.path.ends_with('/'))
            base_.path.pop_back();
    }

    /// Nothing if there is no answer.
    std::optional<HttpAnswer>
    ask(const char* method, const std::string& path, std::pair<std::string, std::string> header) {
        HttpCall call;
        call.method = method;
        call.url = base_;
        call.url.path += path;
        const Wiped value(std::move(header.second));
        call.headers.emplace_back(std::move(header.first), value.text());
        call.answer_bytes_max = instance_bytes_max;
        std::optional<HttpAnswer> answer = ask(call);
        wipe(call.headers.front().second);
        return answer;
    }

private:
    std::optional<HttpAnswer> ask(HttpCall& call) {
        for (int tries = 0; tries < tries_max && left_ > 0ms; ++tries) {
            call.timeout = std::min<std::chrono::milliseconds>(1s, left_);
            const auto begun = settings_.surroundings().now();
            std::optional<HttpAnswer> answer;
            try {
                answer = settings_.surroundings().http(call);
            } catch (const Error& error) {
                if (error.kind() == errc::cancelled || error.kind() == errc::deadline)
                    throw;
            }
            const auto took = std::chrono::ceil<std::chrono::milliseconds>(
                settings_.surroundings().now() - begun);
            // whatever the clock does, no call counts for more than it may take
            left_ -= took < 0ms ? call.timeout : std::min(took, call.timeout);
            if (answer && !may_pass(answer->status))
                return answer;
        }
        return {};
    }

    const S3Settings& settings_;
    Url base_;
    std::chrono::milliseconds left_ = 3s;
};

} // namespace

bool container_address(const std::string& address) {
    const std::optional<IpAddress> parsed = IpAddress::parse(address);
    if (!parsed)
        return false;
    static constexpr const char* allowed[] = {
        "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "::1"};
    return (parsed->bytes().size() == 4 && parsed->bytes()[0] == 127) ||
           std::ranges::any_of(
               allowed, [&](const char* one) { return IpAddress::parse(one) == parsed; });
}

Credentials assume_role(const WebIdentity& identity, S3Settings& settings, bool allow_http) {
    HttpCall call;
    call.method = "POST";
    call.url = find_sts_endpoint(settings);
    if (!call.url.tls && !allow_http && reach_of_host(call.url.host) != Reach::machine)
        refuse_credentials(
            identity.provider, "the endpoint of STS has no TLS", "use https, or --allow-http");
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        settings.surroundings().now().time_since_epoch());
    const std::string session = identity.session_name.empty()
                                    ? "tzio-" + std::to_string(seconds.count())
                                    : identity.session_name;
    const Wiped token(read_token(settings, identity.provider.c_str(), identity.token_file));
    const Wiped encoded(percent_encode(token.text(), false));
    const std::string start = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
                              percent_encode(identity.role_arn, false) +
                              "&RoleSessionName=" + percent_encode(session, false) +
                              "&WebIdentityToken=";
    call.body.reserve(start.size() + encoded.text().size());
    call.body.append(start).append(encoded.text());
    call.headers = {
        {"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/xml"}};
    call.timeout = sts_timeout;
    call.answer_bytes_max = s3_error_bytes_max;
    HttpAnswer answer = ask(settings, call, identity.provider);
    wipe(call.body);
    Wiped body(std::move(answer.body));
    if (answer.status != 200)
        refuse_answer(identity.provider, answer.status, body.text());
    return from_xml(body.text(), identity.provider);
}

std::optional<Credentials> container_credentials(const S3Settings& settings) {
    if (!settings.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") &&
        !settings.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return {};
    HttpCall call = container_call(settings);
    std::string token;
    if (const auto path = settings.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
        token = read_token(settings, container, *path);
    else
        token = settings.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
    const Wiped kept(std::move(token));
    if (kept.text().find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        refuse_credentials(
            container, "AWS_CONTAINER_AUTHORIZATION_TOKEN has more than one line", "correct it");
    if (!kept.text().empty())
        call.headers.emplace_back("Authorization", kept.text());
    HttpAnswer answer = ask(settings, call, container);
    wipe(call.headers.back().second);
    const Wiped body(std::move(answer.body));
    if (answer.status != 200)
        refuse_answer(container, answer.status, body.text());
    return from_json(body.text(), container);
}

std::optional<Credentials> instance_credentials(const S3Settings& settings) {
    InstanceService service(settings);
    std::optional<HttpAnswer> answer =
        service.ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
    if (!answer || answer->status != 200)
        return {}; // none here, or one that only knows version 1
    const Wiped token(std::move(answer->body));
    if (token.text().find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        refuse_credentials(instance, "the token has more than one line", "check the service");
    const auto get = [&](const std::string& path) {
        return service.ask("GET", path, {"X-aws-ec2-metadata-token", token.text()});
    };
    const std::string folder = "/latest/meta-data/iam/security-credentials/";
    answer = get(folder);
    if (!answer || answer->status != 200)
        return {}; // no role
    const std::string role(trimmed(answer->body.substr(0, answer->body.find('\n'))));
    if (role.empty())
        return {};
    // what names of roles consist of; it goes into a request line
    const bool name = std::ranges::all_of(role, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("_+=,.@-").find(c) != std::string_view::npos;
    });
    if (!name)
        refuse_credentials(instance, "the role's name is not valid", "check the service");
    answer = get(folder + role);
    if (!answer)
        refuse_credentials(instance, "no answer in time", "try again");
    const Wiped body(std::move(answer->body));
    if (answer->status != 200)
        refuse_answer(instance, answer->status, body.text());
    return from_json(body.text(), instance);
}

} // namespace tz
