// What random tests begin with.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace tz::test {

/// For tests that draw lots, which print it: a new one each time, or TZ_TEST_SEED to run it again.
inline std::uint64_t seed() {
    const char* given = std::getenv("TZ_TEST_SEED");
    return given != nullptr ? std::stoull(given) : std::random_device{}();
}

} // namespace tz::test
