// Keys and passwords from files. Neither is ever an argument: arguments show in `ps`.
#pragma once

#include <tz/format/seal.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace tz::cli {

/// Most bytes that a key or password file may have.
inline constexpr std::size_t secret_bytes_max = 4096;

using Warn = std::function<void(const std::string&)>;

/// 32 raw bytes or 64 hex digits. Calls `warn` when others can read or write the file. From now on
/// the process leaves no core dump. Throws `tz::Error` that names the file, never its content.
std::shared_ptr<const format::Secret> read_key_file(const std::string& path, const Warn& warn);

/// The file's bytes without the line end at their end, not empty; else as read_key_file().
std::shared_ptr<const format::Secret> read_password_file(const std::string& path, const Warn& warn);

} // namespace tz::cli
