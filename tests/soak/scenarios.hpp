// Loads and saves that failures are tried in. Each makes an engine and lets go of all it had.
#pragma once

#include "material.hpp"
#include "outcome.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tz::soak {

struct Scenario {
    enum class Kind { file, server, save, convert, upload };

    std::string name;
    Kind kind;
    /// Throws what the load throws, and says in `wrong` what isn't right.
    std::function<void(std::string& wrong)> run;
    std::string written{}; ///< the file that it writes, alone in its folder; "" if none
    bool by_ring = false;  ///< files by io_uring, where the system has it
};

std::vector<Scenario> scenarios(const Material& material, const std::string& server_url);

} // namespace tz::soak
