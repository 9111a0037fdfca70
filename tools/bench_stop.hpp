// A stop between two steps of a measurement.
#pragma once

#include <tz/format/error.hpp>

#include <stop_token>

namespace tz::bench {

/// Throws `tz::Error` (errc::cancelled) where a stop was asked for.
inline void check_stop(const std::stop_token& stop) {
    if (stop.stop_requested())
        throw Error(errc::cancelled, "stopped");
}

} // namespace tz::bench
