// What `--require` and `--subject` say.
#pragma once

#include <tz/format/requirement.hpp>

#include <optional>
#include <stop_token>
#include <string>

namespace tz::cli {

/// `text` is none, key, pubkey:FILE or root:HEX; the file is read, until `stop`. Throws
/// `tz::Error`.
format::Requirement read_requirement(
    const std::string& text,
    const std::optional<std::string>& subject,
    const std::stop_token& stop);

} // namespace tz::cli
