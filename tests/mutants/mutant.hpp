// Switches one check off, in copies of the sources that tests/mutants/run makes: TZ_MUTANT names it
// by its number. Any thread.
#pragma once

#include <atomic>
#include <cstdlib>
#include <type_traits>

namespace tz_mutants {

constexpr int sites_max = 1 << 17;

/// Which checks would have spoken, whether or not they were switched off.
inline std::atomic<bool> reached[sites_max];

inline int switched_off() {
    static const int number = [] {
        const char* const text = std::getenv("TZ_MUTANT");
        return text == nullptr ? -1 : std::atoi(text);
    }();
    return number;
}

inline bool off(int site) {
    reached[site].store(true, std::memory_order_relaxed);
    return site == switched_off();
}

/// What a function returns whose last statement is switched off. A type without a default ends the
/// process, which a test notices.
template <typename T>
T made() {
    if constexpr (std::is_default_constructible_v<T>)
        return T();
    else
        std::abort();
}

} // namespace tz_mutants
