#include <tz/format/error.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/tools/requirement.hpp>
#include <tz/tools/secrets.hpp>

#include <fmt/format.h>

namespace tz::cli {

format::Requirement read_requirement(
    const std::string& text,
    const std::optional<std::string>& subject,
    const std::stop_token& stop) {
    using Kind = format::Requirement::Kind;
    constexpr std::string_view by_public_key = "pubkey:";
    constexpr std::string_view by_root = "root:";
    format::Requirement requirement;
    if (subject)
        requirement.subject = format::subject_of(*subject);
    if (text == "none")
        return requirement;
    if (text == "key") {
        requirement.kind = Kind::file_key;
    } else if (text.starts_with(by_public_key)) {
        if (text.size() == by_public_key.size())
            throw Error(
                errc::usage, "require: 'pubkey:' names no file", {}, "write --require pubkey:FILE");
        requirement.kind = Kind::public_key;
        requirement.public_key = read_public_key_file(text.substr(by_public_key.size()), stop);
    } else if (text.starts_with(by_root)) {
        requirement.kind = Kind::root;
        requirement.root = format::parse_root(text.substr(by_root.size()));
    } else {
        throw Error(
            errc::usage,
            fmt::format(
                "require: '{}' is none of none, key, pubkey:FILE, root:HEX", printable(text)));
    }
    return requirement;
}

} // namespace tz::cli
