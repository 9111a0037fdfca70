// Tensor names: a path of keys, stored as plain UTF-8 or as byte 1E and a JSON array.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tz::format {

/// One step of a path: a string, or a position in a list.
using Key = std::variant<std::string, std::uint64_t>;
using Path = std::vector<Key>;

/// The path a stored name means. Throws `tz::Error` (errc::format, offset `at`) where it breaks the
/// rules.
Path parse_name(std::string_view name, std::uint64_t at);

/// The stored form of a path: plain for one string that does not begin with 1E, else structured.
std::string store_name(const Path& path);

/// For programs, which look tensors up by it: the one key of a path, exactly as it is; of more keys
/// the JSON array. Two names of a file have the same only where one is plain, and written like
/// another's array.
std::string key_name(std::string_view name);

/// For people: the plain name, or the JSON array; control characters escaped.
std::string display_name(std::string_view name);

/// A text of a file in an error message: printable, in quotes, and cut short where it is long.
std::string quoted(std::string_view text);

/// A tensor in an error message: "tensor 'NAME'", cut short like that.
std::string tensor_label(std::string_view name);

/// Throws `tz::Error` (errc::format) unless the names form a tree: no path twice, none a proper
/// prefix of another, and the keys at one place all strings or all positions.
void check_names(std::span<const Path> paths, std::span<const std::uint64_t> offsets);

/// The same for names as they are stored, each of them valid for parse_name() too. Quick where all
/// are plain.
void check_names(std::span<const std::string_view> names, std::span<const std::uint64_t> offsets);

} // namespace tz::format
