// An input is a byte that picks what it is read as, and a text: ~/.aws/config, ~/.aws/credentials,
// ~/.s3cfg, a server's error, or the URI of an object.
#include "pick_reader.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/aws_profile.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tz;
using tz::test::require;

bool printable_text(const std::string& text) {
    return printable(text) == text;
}

void read_file(std::string_view text) {
    const IniFile file(text, "f");
    for (const std::string_view section : file.sections()) {
        require(file.has(section));
        for (const char* key : {"aws_access_key_id", "region", "s3"}) {
            const auto value = file.value(section, key);
            require(!value || value->size() <= text.size());
            require(!value || !file.nested(section, key, "endpoint_url"));
        }
    }
}

void read_profiles(std::string_view text) {
    const IniFile file(text, "f");
    for (const char* name : {"default", "x", "x y"}) {
        for (const auto& [config, credentials] :
             {std::pair(&file, static_cast<const IniFile*>(nullptr)),
              std::pair(static_cast<const IniFile*>(nullptr), &file),
              std::pair(&file, &file)}) {
            const auto profile = read_profile(config, credentials, name);
            require(!profile || profile->name == name);
            if (profile && profile->keys)
                require(!profile->keys->access_key_id.empty() && profile->keys->secret);
        }
    }
}

void read_error(std::string_view text) {
    const auto error = s3_error(text);
    if (!error)
        return;
    require(!error->code.empty() && error->message.size() <= s3_message_bytes_max);
    for (const std::string& part : {error->code, error->message, error->request_id, error->region})
        require(printable_text(part));
}

void read_uri(std::string_view text) {
    const S3Name name = parse_s3_uri(text);
    require(!name.bucket.empty() && !name.key.empty());
    S3Endpoint endpoint;
    endpoint.url = parse_url("https://s3.test/");
    const S3Address address = s3_address(name, endpoint, true);
    require(address.url.path.starts_with("/"));
    // what goes over the wire means what was asked for
    require(percent_decode(address.url.path) == "/" + name.bucket + "/" + name.key);
    for (const char c : address.url.target() + address.host)
        require(c > ' ' && c < '\x7f');
}

constexpr test::Reader readers[] = {
    read_file,
    read_profiles,
    [](std::string_view file) { read_s3cfg(IniFile(file, "f")); },
    read_error,
    read_uri};

void look_at(const Error& error) {
    require(!error.hint().empty() && printable_text(error.what()));
    // IniFile's name a line
    require(error.kind() != errc::denied || error.source() == "f");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::read_by_first_byte({data, size}, readers, look_at);
    return 0;
}
