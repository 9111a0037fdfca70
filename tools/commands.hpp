// The commands of `tz`. Each does its work, writes its result to stdout and returns the exit code;
// failures are thrown.
#pragma once

#include <tz/tools/options.hpp>

#include <string>

namespace tz::cli {

int run_info(const std::string& path, bool json);
int run_inspect(const Options& options);
int run_verify(const Options& options);
int run_checksum(const Options& options);
int run_load(const Options& options);

} // namespace tz::cli
