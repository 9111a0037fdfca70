// What servers had to do with a load or a fetch, for people.
#pragma once

#include <tz/engine/stats.hpp>

#include <string>

namespace tz::cli {

/// "12 requests on 4 connections", retries, second requests, throttles and gaps where there were
/// any, and a line end.
std::string network_text(const LoadStats& stats);

} // namespace tz::cli
