#include <tz/format/error.hpp>
#include <tz/protocols/s3_settings.hpp>
#include <tz/protocols/wiped.hpp>

#include <boost/algorithm/string/predicate.hpp>

namespace tz {

S3Settings::S3Settings(const S3Options& options, const Surroundings& surroundings)
    : options_(options),
      surroundings_(surroundings) {
    std::optional<std::string> name;
    if (!options.profile.empty())
        name = options.profile;
    for (const char* variable : {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"})
        if (!name)
            name = environment(variable);
    if (name) {
        profile_name_ = *name;
        profile_named_ = true;
    }
}

std::optional<std::string> S3Settings::environment(const std::string& name) const {
    std::optional<std::string> value = surroundings_.environment(name);
    if (value && value->empty())
        value.reset();
    return value;
}

bool S3Settings::environment_flag(const std::string& name) const {
    const std::string value = environment(name).value_or("");
    return value == "1" || boost::iequals(value, "true");
}

const AwsProfile* S3Settings::profile() {
    if (!profile_read_) {
        const std::optional<IniFile> config = read_ini(config_path());
        const std::optional<IniFile> credentials = read_ini(credentials_path());
        profile_ = read_profile(
            config ? &*config : nullptr, credentials ? &*credentials : nullptr, profile_name_);
        profile_read_ = true;
    }
    return profile_ ? &*profile_ : nullptr;
}

const S3cmdConfig* S3Settings::s3cfg() {
    if (!s3cfg_read_) {
        if (const std::optional<IniFile> file = read_ini(s3cfg_path()))
            s3cfg_ = read_s3cfg(*file);
        s3cfg_read_ = true;
    }
    return s3cfg_ ? &*s3cfg_ : nullptr;
}

std::string S3Settings::credentials_path() const {
    return path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
}

std::string S3Settings::config_path() const {
    return path_of("AWS_CONFIG_FILE", "~/.aws/config");
}

std::string S3Settings::s3cfg_path() const {
    return environment("HOME") ? "~/.s3cfg" : "";
}

std::string S3Settings::path_of(const char* variable, const char* usual) const {
    if (const std::optional<std::string> path = environment(variable))
        return *path;
    return environment("HOME") ? usual : "";
}

std::optional<std::string> S3Settings::read(const std::string& path) const {
    if (!path.starts_with("~/"))
        return surroundings_.read_file(path);
    const std::optional<std::string> home = environment("HOME");
    if (!home)
        return {};
    return surroundings_.read_file(*home + path.substr(1));
}

std::optional<IniFile> S3Settings::read_ini(const std::string& path) const {
    if (path.empty())
        return {};
    std::optional<std::string> text = read(path);
    if (!text)
        return {};
    const Wiped kept(std::move(*text));
    return IniFile(kept.text(), path);
}

} // namespace tz
