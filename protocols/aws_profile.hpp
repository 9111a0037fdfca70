// Reads the texts of ~/.aws/credentials, ~/.aws/config and ~/.s3cfg exactly as Python's
// configparser does, because botocore, s3cmd and tensorizer read them with it. Pure. Not with inih:
// the length of a line (200 bytes, tokens are longer) and comments are process-wide variables
// there, and an indented section would have all its keys taken for one value.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz::format {
class Secret;
}

namespace tz {

/// Real ones have a few KiB; `read_file` need not read more.
inline constexpr std::size_t ini_bytes_max = 1 << 20;

/// Sections of keys and values. Values may be secrets: they are wiped when it goes.
class IniFile {
public:
    /// `file` is for messages. Throws `tz::Error` (errc::denied) that names file and line and
    /// repeats neither keys nor values.
    IniFile(std::string_view text, std::string file);
    IniFile(IniFile&&) noexcept = default;
    ~IniFile();

    const std::string& file() const noexcept { return file_; }

    bool has(std::string_view section) const;
    /// Names in the order of the file.
    std::vector<std::string_view> sections() const;
    /// Looks in [DEFAULT] too. Nothing for a key with a nested block.
    std::optional<std::string_view> value(std::string_view section, std::string_view key) const;
    /// What stands in the indented block below `key =`.
    std::optional<std::string_view>
    nested(std::string_view section, std::string_view key, std::string_view inner) const;

private:
    friend class IniReader;
    using Values = std::map<std::string, std::string, std::less<>>;

    const std::string* find(std::string_view section, std::string_view key) const;

    std::string file_;
    std::vector<std::pair<std::string, Values>> sections_;
    std::map<std::string, std::size_t, std::less<>> places_; // in sections_
};

/// A pair of keys as it stands in a file or in the environment.
struct StaticKeys {
    std::string access_key_id;
    std::shared_ptr<const format::Secret> secret;
    std::shared_ptr<const format::Secret> token;
};

/// What one profile says in both files together. Empty is unset.
struct AwsProfile {
    std::string name;
    std::optional<StaticKeys> keys;
    std::string keys_file; ///< where they stand
    std::string region;
    std::string endpoint_url;     ///< of S3: from its `services` section, else the profile's own
    std::string sts_endpoint_url; ///< likewise
    std::string addressing_style; ///< of the block `s3 =`
    bool ignore_configured_endpoint_urls = false;
    std::string role_arn;
    std::string web_identity_token_file;
    std::string role_session_name;
    /// A way to credentials that is asked for and not supported: "credential_process", "sso" ...
    std::string unsupported;
};

/// Nothing if neither file has the profile. Either may be null. Throws `tz::Error` (errc::denied)
/// for half a pair of keys and for a `services` section that is not there.
std::optional<AwsProfile>
read_profile(const IniFile* config, const IniFile* credentials, std::string_view name);

/// What ~/.s3cfg says in its section [default].
struct S3cmdConfig {
    std::optional<StaticKeys> keys;
    std::string host_base;
    std::optional<bool> use_https;
};

/// Throws `tz::Error` (errc::denied) for half a pair of keys.
S3cmdConfig read_s3cfg(const IniFile& file);

} // namespace tz
