#include <tz/format/error.hpp>
#include <tz/protocols/aws_profile.hpp>
#include <tz/protocols/wiped.hpp>

#include <boost/algorithm/string/predicate.hpp>

namespace tz {

namespace {

/// The second of exactly two words, as shlex.split() makes them: quotes and backslashes count.
/// Nothing if there are more or fewer, or a quote stays open.
std::optional<std::string> second_word(std::string_view text) {
    std::vector<std::string> words;
    bool inside = false; // a word, which may be empty in quotes
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == 0 && (c == ' ' || c == '\t')) {
            inside = false;
            continue;
        }
        if (!inside)
            words.emplace_back();
        inside = true;
        const bool escapes = c == '\\' && quote != '\'';
        if (escapes && i + 1 == text.size())
            return {};
        if (escapes && (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\'))
            words.back() += text[++i];
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = 0;
        else
            words.back() += c;
    }
    if (quote != 0 || words.size() != 2)
        return {};
    return words[1];
}

/// The section `[kind name]`; of several the last.
std::optional<std::string_view>
find_section(const IniFile& config, std::string_view kind, std::string_view name) {
    std::optional<std::string_view> last;
    for (const std::string_view section : config.sections())
        if (section.starts_with(kind) && second_word(section) == name)
            last = section;
        else if (kind == "profile" && name == "default" && section == name)
            last = section;
    return last;
}

/// Nothing if neither is there.
std::optional<StaticKeys> read_keys(
    const IniFile& file,
    std::string_view section,
    std::string_view id_name,
    std::string_view secret_name) {
    const std::string_view id = file.value(section, id_name).value_or("");
    const std::string_view secret = file.value(section, secret_name).value_or("");
    if (id.empty() && secret.empty())
        return {};
    if (id.empty() || secret.empty())
        throw Error(
            errc::denied,
            "section [" + printable(section) + "] has " +
                std::string(id.empty() ? secret_name : id_name) + " without " +
                std::string(id.empty() ? id_name : secret_name),
            {},
            "set both or neither")
            .in(file.file());
    StaticKeys keys{std::string(id), make_secret(secret), nullptr};
    for (const char* name : {"aws_security_token", "aws_session_token"}) {
        keys.token = make_secret(file.value(section, name).value_or(""));
        if (keys.token)
            break;
    }
    return keys;
}

/// One profile in the two files; ~/.aws/credentials goes before ~/.aws/config.
struct Places {
    const IniFile* config;
    const IniFile* credentials;
    std::optional<std::string_view> in_config;
    std::optional<std::string_view> in_credentials;

    std::string value(std::string_view key) const {
        std::optional<std::string_view> found;
        if (in_credentials)
            found = credentials->value(*in_credentials, key);
        if (!found && in_config)
            found = config->value(*in_config, key);
        return std::string(found.value_or(""));
    }

    std::string nested(std::string_view key, std::string_view inner) const {
        std::optional<std::string_view> found;
        if (in_credentials)
            found = credentials->nested(*in_credentials, key, inner);
        if (!found && in_config)
            found = config->nested(*in_config, key, inner);
        return std::string(found.value_or(""));
    }
};

void read_endpoints(AwsProfile& profile, const Places& places) {
    profile.endpoint_url = profile.sts_endpoint_url = places.value("endpoint_url");
    const std::string services = places.value("services");
    if (services.empty())
        return;
    const auto section =
        places.config ? find_section(*places.config, "services", services) : std::nullopt;
    if (!section)
        throw Error(
            errc::denied,
            "profile '" + printable(profile.name) + "' names a services section that is not there",
            {},
            "add the section or remove the key 'services'")
            .in((places.config ? places.config : places.credentials)->file());
    const auto override = [&](std::string& url, std::string_view service) {
        const auto found = places.config->nested(*section, service, "endpoint_url");
        if (found && !found->empty())
            url = *found;
    };
    override(profile.endpoint_url, "s3");
    override(profile.sts_endpoint_url, "sts");
}

std::string unsupported_way(const Places& places) {
    static constexpr std::pair<const char*, const char*> ways[] = {
        {"sso_session", "sso"},
        {"sso_start_url", "sso"},
        {"login_session", "login_session"},
        {"credential_process", "credential_process"},
        {"source_profile", "role_arn with source_profile"},
        {"credential_source", "role_arn with credential_source"},
    };
    for (const auto& [key, name] : ways)
        if (!places.value(key).empty())
            return name;
    return {};
}

} // namespace

std::optional<AwsProfile>
read_profile(const IniFile* config, const IniFile* credentials, std::string_view name) {
    Places places{config, credentials, {}, {}};
    if (config != nullptr)
        places.in_config = find_section(*config, "profile", name);
    if (credentials != nullptr && credentials->has(name))
        places.in_credentials = name;
    if (!places.in_config && !places.in_credentials)
        return {};

    AwsProfile profile;
    profile.name = name;
    if (places.in_credentials) {
        profile.keys = read_keys(*credentials, name, "aws_access_key_id", "aws_secret_access_key");
        profile.keys_file = credentials->file();
    }
    if (!profile.keys && places.in_config) {
        profile.keys =
            read_keys(*config, *places.in_config, "aws_access_key_id", "aws_secret_access_key");
        profile.keys_file = config->file();
    }
    if (!profile.keys)
        profile.keys_file.clear();
    profile.region = places.value("region");
    read_endpoints(profile, places);
    profile.addressing_style = places.nested("s3", "addressing_style");
    profile.ignore_configured_endpoint_urls =
        boost::iequals(places.value("ignore_configured_endpoint_urls"), "true");
    profile.role_arn = places.value("role_arn");
    profile.web_identity_token_file = places.value("web_identity_token_file");
    profile.role_session_name = places.value("role_session_name");
    profile.unsupported = unsupported_way(places);
    return profile;
}

S3cmdConfig read_s3cfg(const IniFile& file) {
    S3cmdConfig config;
    config.keys = read_keys(file, "default", "access_key", "secret_key");
    if (config.keys && !config.keys->token)
        config.keys->token = make_secret(file.value("default", "access_token").value_or(""));
    config.host_base = file.value("default", "host_base").value_or("");
    const std::string_view https = file.value("default", "use_https").value_or("");
    if (boost::iequals(https, "true"))
        config.use_https = true;
    else if (boost::iequals(https, "false"))
        config.use_https = false;
    return config;
}

} // namespace tz
