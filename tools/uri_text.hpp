// Paths and URIs as they were typed, made fit to be shown. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tz::cli {

/// What was typed, but of a URI no user, password and query: presigned URLs have their secret
/// there. Other text stays.
std::string without_secrets(std::string_view typed);

/// `text` in which `arguments` may be quoted, each of them as without_secrets() gives it.
std::string without_secrets(std::string text, std::span<char* const> arguments);

/// The name that a download of `uri` gets in a folder: the last part of its path, or of an S3 key,
/// decoded. Throws `tz::Error` (errc::usage) where that is no name of a file.
std::string file_name_of(const std::string& uri);

} // namespace tz::cli
