// --metrics-file: figures of a run in a file that node_exporter's textfile collector reads.
#pragma once

#include <tz/tools/command.hpp>
#include <tz/tools/options.hpp>

namespace tz::cli {

/// Runs the command, and writes its trace. Where `options.metrics_file` names a file, it is written
/// however the command ends: under a temporary name beside it, then renamed, for all to read.
/// Throws what the command throws; or `tz::Error`, naming the file, where that can't be written:
/// before the command if the folder is not there.
int run_measured(const Command& command, const Options& options);

} // namespace tz::cli
