// A program made of its declared commands: help, version, environment, configuration file, exit
// code.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tz::cli {

/// Makes a program of `app`, whose commands and options are all declared: --version, help in the
/// GNU style, and for each option the environment variable TZ_OPTION_NAME.
void complete(CLI::App& app);

/// Parses the arguments and calls `run`. Returns the exit code; every failure has then been
/// reported on stderr.
int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& run);

} // namespace tz::cli
