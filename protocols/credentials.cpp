#include <tz/format/error.hpp>
#include <tz/protocols/credential_providers.hpp>
#include <tz/protocols/iso_time.hpp>
#include <tz/protocols/wiped.hpp>

#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/predicate.hpp>

namespace tz {

namespace {

/// One search.
class Chain {
public:
    Chain(S3Settings& settings, bool endpoint_given, bool allow_http)
        : settings_(settings),
          endpoint_given_(endpoint_given),
          allow_http_(allow_http) {}

    Credentials find() {
        using Step = std::optional<Credentials> (Chain::*)();
        static constexpr Step steps[] = {
            &Chain::options,
            &Chain::anonymous_by_environment,
            &Chain::environment,
            &Chain::profile,
            &Chain::s3cfg,
            &Chain::s3_names,
            &Chain::tutorial_names,
            &Chain::web_identity,
            &Chain::container,
            &Chain::instance};
        for (const Step step : steps)
            if (std::optional<Credentials> found = (this->*step)()) {
                found->looked = std::move(looked_);
                return std::move(*found);
            }
        Credentials none;
        none.provider = "anonymous";
        none.looked = std::move(looked_);
        return none;
    }

private:
    static Credentials from(const StaticKeys& keys, std::string provider) {
        return {keys.access_key_id, keys.secret, keys.token, {}, std::move(provider), {}};
    }

    static Credentials anonymous(std::string provider) {
        Credentials none;
        none.provider = std::move(provider);
        return none;
    }

    std::optional<Credentials> options() {
        const S3Options& options = settings_.options();
        const bool secret =
            options.secret_access_key && !options.secret_access_key->bytes().empty();
        const bool id = !options.access_key_id.empty();
        if (options.no_sign_request && (id || secret))
            throw Error(
                errc::usage, "no_sign_request and credentials are both given", {}, "drop one");
        if (options.no_sign_request)
            return anonymous("no_sign_request");
        if (id != secret)
            half_a_pair("options", "access_key_id", "secret_access_key", id);
        if (!id)
            return {};
        return Credentials{
            options.access_key_id,
            options.secret_access_key,
            options.session_token,
            {},
            "options",
            {}};
    }

    std::optional<Credentials> anonymous_by_environment() {
        if (!settings_.environment_flag("awsAnonymousCredential"))
            return {};
        return anonymous("awsAnonymousCredential");
    }

    [[noreturn]] static void half_a_pair(
        const std::string& provider, const char* id_name, const char* secret_name, bool id) {
        refuse_credentials(
            provider,
            std::string(id ? id_name : secret_name) + " is set without " +
                (id ? secret_name : id_name),
            "set both or neither");
    }

    std::optional<StaticKeys> pair(const char* id_name, const char* secret_name) {
        const std::optional<std::string> id = settings_.environment(id_name);
        std::optional<std::string> secret = settings_.environment(secret_name);
        if (!id && !secret)
            return {};
        const Wiped kept(std::move(secret).value_or(""));
        if (!id || kept.text().empty())
            half_a_pair("environment", id_name, secret_name, id.has_value());
        return StaticKeys{*id, make_secret(kept.text()), nullptr};
    }

    std::optional<Credentials> environment() {
        if (settings_.profile_explicit())
            return {};
        looked_.emplace_back("environment");
        std::optional<StaticKeys> keys = pair("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        if (!keys)
            return {};
        for (const char* name : {"AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"})
            if (!keys->token) {
                const Wiped token(settings_.environment(name).value_or(""));
                keys->token = make_secret(token.text());
            }
        Credentials found = from(*keys, "environment");
        if (const auto expires = settings_.environment("AWS_CREDENTIAL_EXPIRATION")) {
            found.expires = parse_time(*expires);
            if (!found.expires)
                refuse_credentials(
                    "environment", "AWS_CREDENTIAL_EXPIRATION is no time", "remove it");
        }
        return found;
    }

    std::optional<Credentials> profile() {
        const AwsProfile* const profile = settings_.profile();
        const std::string files = settings_.credentials_path() + " and " + settings_.config_path();
        if (profile == nullptr && settings_.profile_named())
            refuse_credentials(
                "profile " + settings_.profile_name(),
                "there is no such profile in " + files,
                "name another one (AWS_PROFILE)");
        for (const std::string& path : {settings_.credentials_path(), settings_.config_path()})
            if (!path.empty())
                looked_.push_back(path);
        if (profile == nullptr)
            return {};
        if (profile->keys)
            return from(*profile->keys, profile->keys_file + ", profile " + profile->name);
        if (!profile->web_identity_token_file.empty())
            return role(
                {"web identity, profile " + profile->name,
                 profile->role_arn,
                 profile->web_identity_token_file,
                 profile->role_session_name});
        if (!profile->unsupported.empty())
            unsupported(*profile);
        return {};
    }

    void unsupported(const AwsProfile& profile) {
        if (settings_.profile_named())
            refuse_credentials(
                "profile " + profile.name,
                profile.unsupported + " is not supported",
                "hand over its credentials: eval \"$(aws configure export-credentials --format "
                "env)\"");
        looked_.back() += " (" + profile.unsupported + " is not supported)";
    }

    std::optional<Credentials> s3cfg() {
        if (const std::string path = settings_.s3cfg_path(); !path.empty())
            looked_.push_back(path);
        const S3cmdConfig* const config = settings_.s3cfg();
        if (config == nullptr || !config->keys)
            return {};
        return from(*config->keys, settings_.s3cfg_path());
    }

    std::optional<Credentials> named(const char* id_name, const char* secret_name) {
        if (settings_.profile_explicit())
            return {};
        looked_.emplace_back(id_name);
        const std::optional<StaticKeys> keys = pair(id_name, secret_name);
        if (!keys)
            return {};
        return from(*keys, id_name);
    }

    std::optional<Credentials> s3_names() {
        return named("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY");
    }

    std::optional<Credentials> tutorial_names() { return named("AWS_KEY", "AWS_SECRET"); }

    std::optional<Credentials> web_identity() {
        if (settings_.profile_explicit())
            return {};
        looked_.emplace_back("web identity");
        const auto file = settings_.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
        if (!file)
            return {};
        return role(
            {"web identity",
             settings_.environment("AWS_ROLE_ARN").value_or(""),
             *file,
             settings_.environment("AWS_ROLE_SESSION_NAME").value_or("")});
    }

    Credentials role(const WebIdentity& identity) {
        if (identity.role_arn.empty())
            refuse_credentials(
                identity.provider,
                "a token file is named without a role",
                "set AWS_ROLE_ARN, or role_arn in the profile");
        return assume_role(identity, settings_, allow_http_);
    }

    std::optional<Credentials> container() {
        looked_.emplace_back("container");
        return container_credentials(settings_);
    }

    std::optional<Credentials> instance() {
        if (endpoint_given_ ||
            boost::iequals(settings_.environment("AWS_EC2_METADATA_DISABLED").value_or(""), "true"))
            return {};
        looked_.emplace_back("instance metadata");
        return instance_credentials(settings_);
    }

    S3Settings& settings_;
    const bool endpoint_given_;
    const bool allow_http_;
    std::vector<std::string> looked_;
};

} // namespace

void refuse_credentials(
    const std::string& provider, const std::string& what, const std::string& hint) {
    throw Error(errc::denied, what, {}, hint).in("credentials from " + provider);
}

Credentials find_credentials(S3Settings& settings, bool endpoint_given, bool allow_http) {
    return Chain(settings, endpoint_given, allow_http).find();
}

std::string denied_hint(const Credentials& credentials) {
    if (!credentials.anonymous())
        return "signed with credentials from " + credentials.provider +
               ". Check that they may read this object, or try AWS_PROFILE=... or "
               "--no-sign-request";
    if (credentials.provider != "anonymous")
        return "not signed, because of " + credentials.provider;
    return "no credentials found; looked in " + boost::join(credentials.looked, ", ") +
           ". Try AWS_PROFILE=... or --no-sign-request";
}

} // namespace tz
