// Keys and passwords from files. Neither is ever an argument: arguments show in `ps`.
#pragma once

#include <tz/format/seal.hpp>
#include <tz/format/signature.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace tz::cli {

/// Most bytes that a key or password file may have.
inline constexpr std::size_t secret_bytes_max = 4096;

using Warn = std::function<void(const std::string&)>;

// A file may be a pipe or a terminal. What comes of it is waited for until `stop` says otherwise
// (errc::cancelled). All throw `tz::Error` that names the file, never its content.

/// 32 raw bytes or 64 hex digits. Calls `warn` when others can read or write the file. From now on
/// the process leaves no core dump.
std::shared_ptr<const format::Secret>
read_key_file(const std::string& path, const Warn& warn, const std::stop_token& stop = {});

/// The file's bytes without the line end at their end, not empty; else as read_key_file().
std::shared_ptr<const format::Secret>
read_password_file(const std::string& path, const Warn& warn, const std::stop_token& stop = {});

/// An Ed25519 private key in PEM; errc::denied where others can read or change it: what they can
/// sign with proves nothing.
format::SigningKey read_signing_key_file(const std::string& path, const std::stop_token& stop = {});

/// An Ed25519 public key in PEM.
format::PublicKey read_public_key_file(const std::string& path, const std::stop_token& stop = {});

} // namespace tz::cli
