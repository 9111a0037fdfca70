// The commands of `tz`. Each does its work, writes its result to stdout and returns the exit code;
// failures are thrown.
#pragma once

#include <tz/tools/options.hpp>

#include <string>
#include <vector>

namespace tz::cli {

/// What `tz fetch` is told beside the shared options.
struct FetchArguments {
    std::string source;               ///< the first one
    std::vector<std::string> further; ///< where it goes; then further sources, each with its place
    std::vector<std::string> sha256;  ///< hex digits; none, or one for each source
    bool force = false;
};

int run_info(const Options& options, const std::string& path);
int run_inspect(const Options& options);
int run_verify(const Options& options);
int run_checksum(const Options& options);
int run_load(const Options& options);
int run_fetch(const Options& options, const FetchArguments& arguments);

} // namespace tz::cli
