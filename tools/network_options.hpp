// The options about remote files, one group of the help.
#pragma once

#include <tz/protocols/network.hpp>

namespace CLI {
class App;
}

namespace tz::cli {

/// Those about S3, which are among the others.
void add_s3_options(CLI::App& app, S3Options& s3);

/// None of them takes a secret: arguments show in `ps`. `network` outlives the parsing.
void add_network_options(CLI::App& app, NetworkOptions& network);

} // namespace tz::cli
