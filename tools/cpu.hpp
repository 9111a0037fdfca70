// The processor, for people.
#pragma once

#include <string>
#include <vector>

namespace tz::cli {

std::string cpu_model();

/// Of the instruction sets that hashing and decryption make use of, those that are here; named as
/// /proc/cpuinfo names them.
std::vector<std::string> cpu_features();

} // namespace tz::cli
