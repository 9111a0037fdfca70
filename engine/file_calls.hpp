// Calls on files of this machine whose failures are `tz::Error`s that name the file.
#pragma once

#include <tz/format/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tz {

/// What kind of failure an error number of the system means, for somebody who reads or writes
/// files.
errc kind_of_errno(int error);

/// Throws what `error` means, which came from `doing` something with `path`.
[[noreturn]] void fail_on(const std::string& path, const char* doing, int error);

/// Throws what `error` means, which came from making a file at `path`: most often the folder is at
/// fault.
[[noreturn]] void fail_to_make(const std::string& path, int error);

/// The error where `bytes` are to be written to `path`, and its filesystem has `free` of them.
Error no_room(const std::string& path, std::uint64_t bytes, std::uint64_t free);

/// The folder that `path` lies in; "." where it names none.
std::string folder_of(const std::string& path);

/// All of `bytes`, to the descriptor of `path`.
void write_all(
    int fd, const std::string& path, std::span<const std::byte> bytes, std::uint64_t offset);

/// Makes durable which names the folder of `path` has.
void sync_folder_of(const std::string& path);

} // namespace tz
