// What stands between quotes in JSON, and numbers, as functions of their bytes. For
// json_reader.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace tz::format {

/// What may stand between two values.
constexpr std::string_view json_blanks = " \t\r\n";

/// The first byte from `begin` on that a text can't hold as it is: a quote, a backslash or a
/// control character; `end` if there is none. `ascii` becomes false where one before it is none.
const char* find_special(const char* begin, const char* end, bool& ascii);

/// Decodes the escape that `text` begins with, a backslash and a letter at least, to `out`, which
/// has room for four bytes. Moves both behind what was read and written; false where it is none.
bool decode_escape(std::string_view& text, char*& out);

/// How many bytes of `text` are a number by JSON's grammar alone, however large; 0 where it begins
/// with none.
std::size_t number_length(std::string_view text);

/// Whether a number is too large for a double, or so near to that that readers may differ.
bool beyond_double(std::string_view number);

} // namespace tz::format
