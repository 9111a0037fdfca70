// What `--require` and `--subject` say.
#pragma once

#include <tz/format/requirement.hpp>

#include <optional>
#include <string>

namespace tz::cli {

/// `text` is none, key, pubkey:FILE or root:HEX; the file is read. Throws `tz::Error`.
format::Requirement
read_requirement(const std::string& text, const std::optional<std::string>& subject);

} // namespace tz::cli
