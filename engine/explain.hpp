// The sentence on a load's bound, where more is known of the sink than the engine knows.
#pragma once

#include <tz/engine/stats.hpp>

#include <string>

namespace tz {

/// As explain(stats), with `sink` in place of "where the tensors go".
std::string explain(const LoadStats& stats, const std::string& sink);

} // namespace tz
