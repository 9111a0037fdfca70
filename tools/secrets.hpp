// Keys and passwords from files. Neither is ever an argument: arguments show in `ps`.
#pragma once

#include <tz/format/seal.hpp>
#include <tz/format/signature.hpp>

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

/// An Ed25519 private key in PEM. Throws `tz::Error` that names the file; errc::denied where others
/// can read or change it: what they can sign with proves nothing.
format::SigningKey read_signing_key_file(const std::string& path);

/// An Ed25519 public key in PEM.
format::PublicKey read_public_key_file(const std::string& path);

} // namespace tz::cli
