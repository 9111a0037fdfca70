// The commands of `tz`. Each does its work, writes its result to stdout and returns the exit code;
// failures are thrown.
#pragma once

#include <tz/tools/options.hpp>

#include <string>
#include <vector>

namespace tz::cli {

/// Which tensors to show: those whose name any `include` matches (all, where there is none) and no
/// `exclude` does. Patterns as in fnmatch(3), where `*` also matches dots and slashes.
struct Selection {
    std::vector<std::string> include;
    std::vector<std::string> exclude;
};

int run_info(const std::string& path, bool json);
int run_inspect(const Options& options, const Selection& selection);
int run_verify(const Options& options);
int run_checksum(const Options& options);
int run_load(const Options& options);

} // namespace tz::cli
