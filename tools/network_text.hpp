// What a load or a copy took, and what servers had to do with it.
#pragma once

#include <tz/engine/stats.hpp>
#include <tz/tools/json.hpp>

#include <string>

namespace tz::cli {

/// "12 requests on 4 connections", retries, second requests, throttles and gaps where there were
/// any, and a line end.
std::string network_text(const LoadStats& stats);

/// The time that its bytes took and how they came: what commands that copy say alike.
void add_copied(Json& json, const LoadStats& stats);

/// "requests" and what else is counted of them.
void add_requests(Json& json, const LoadStats& stats);

} // namespace tz::cli
