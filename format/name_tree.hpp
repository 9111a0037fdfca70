// The rules that hold between the names of one file, without saying how a breach is reported: the
// reader blames the file, the writer its caller.
#pragma once

#include <tz/format/name.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tz::format {

/// What is wrong with the name at `index`.
struct NameProblem {
    std::size_t index;
    std::string text;
};

/// Reads a stored name into `path`; returns what is wrong with it, or null.
const char* read_name(std::string_view name, Path& path);

std::optional<NameProblem> find_name_problem(std::span<const std::string_view> names);
std::optional<NameProblem> find_path_problem(std::span<const Path> paths);

} // namespace tz::format
