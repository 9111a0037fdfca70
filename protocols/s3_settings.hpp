// What the environment and the files say about S3, each file read when it is first needed. One
// object serves one search and one thread; the next search reads the files anew, since they change.
#pragma once

#include <tz/protocols/aws_profile.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/surroundings.hpp>

#include <optional>
#include <string>

namespace tz {

class S3Settings {
public:
    /// Both outlive it.
    S3Settings(const S3Options& options, const Surroundings& surroundings);

    const S3Options& options() const noexcept { return options_; }

    const Surroundings& surroundings() const noexcept { return surroundings_; }

    /// Empty values count as unset.
    std::optional<std::string> environment(const std::string& name) const;
    /// "1" or "true" in any case.
    bool environment_flag(const std::string& name) const;

    /// By the options, AWS_DEFAULT_PROFILE, AWS_PROFILE, "default".
    const std::string& profile_name() const noexcept { return profile_name_; }

    /// By options or environment: then it must be there.
    bool profile_named() const noexcept { return profile_named_; }

    /// By the options: then the environment's credentials are not looked at, as in botocore.
    bool profile_explicit() const noexcept { return !options_.profile.empty(); }

    /// Null if the files don't have it. Throws `tz::Error` (errc::denied) for a malformed file.
    const AwsProfile* profile();
    /// Null if there is no such file. Throws likewise.
    const S3cmdConfig* s3cfg();

    /// Where the files are or would be, as people write it; empty without a home folder.
    std::string credentials_path() const;
    std::string config_path() const;
    std::string s3cfg_path() const;

    /// The text of a file behind a name that may begin with "~/".
    std::optional<std::string> read(const std::string& path) const;

private:
    std::optional<IniFile> read_ini(const std::string& path) const;
    std::string path_of(const char* variable, const char* usual) const;

    const S3Options& options_;
    const Surroundings& surroundings_;
    std::string profile_name_ = "default";
    bool profile_named_ = false;
    bool profile_read_ = false;
    bool s3cfg_read_ = false;
    std::optional<AwsProfile> profile_;
    std::optional<S3cmdConfig> s3cfg_;
};

} // namespace tz
