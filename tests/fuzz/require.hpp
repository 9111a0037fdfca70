// What fuzzers find a broken promise by.
#pragma once

#include <cstdlib>

namespace tz::test {

inline void require(bool condition) {
    if (!condition)
        std::abort();
}

} // namespace tz::test
