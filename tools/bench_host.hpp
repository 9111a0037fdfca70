// The machine that the figures come from.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace tz::bench {

struct Host {
    std::string cpu;
    unsigned cores = 0; ///< that this process may use
    std::string kernel;
    std::uint64_t memory_bytes = 0;
    std::string huge_pages;      ///< "always", "madvise" or "never"
    bool page_reporting = false; ///< a virtual machine that gives free memory back to its host
    double load_average = 0;     ///< of the last minute, when the run began
    double steal_seconds = 0;    ///< since the run began, filled in at its end
};

Host this_host();

/// The first line of every report for people: this program and its machine.
std::string host_line(const Host& host);

nlohmann::ordered_json to_json(const Host& host);

} // namespace tz::bench
