// Faults drawn from a seed: what a right client survives, or answers with a typed error. The same
// for the same seed on every machine.
#pragma once

#include <tz/tests/support/http_fault.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tz::test {

/// What may be asked of a client that meets the fault.
enum class FaultGroup {
    harmless,   ///< right in an unusual way: no reason to try again
    passing,    ///< trying again helps
    wrong,      ///< no right answer: an error, or another try
    changing,   ///< another object, or one that can't be told from another: an error
    corrupting, ///< only a hash of the content shows it
    hanging,    ///< for ever: a time limit of the client's own ends it
};

/// How often each is drawn, against the others.
struct FaultMix {
    unsigned percent = 25; ///< of the requests meet a fault
    unsigned harmless = 1;
    unsigned passing = 3;
    unsigned wrong = 0;
    unsigned changing = 0;
    unsigned corrupting = 0;
    unsigned hanging = 0;
    unsigned connections = 0; ///< of the first so many, `percent` meet a fault of their own
    bool tls = false;         ///< faults of the handshake among them
    std::uint64_t body_bytes = 1 << 20;     ///< of a usual answer: offsets are drawn within it
    std::chrono::milliseconds time_max{20}; ///< of a pause that ends
    std::string path{};                     ///< of the requests that count; "" for any
};

struct Schedule {
    std::uint64_t seed = 0;
    std::vector<Rule> rules{};
    std::vector<ConnectionRule> connection_rules{};

    bool operator==(const Schedule&) const = default;
};

/// For the first `requests` requests, each meeting at most one fault.
Schedule draw(std::uint64_t seed, std::uint64_t requests, const FaultMix& mix = {});

/// One line, as "seed 7; 3: reset_after at=4096; connection 1: drop".
std::string to_string(const Schedule& schedule);

/// The kinds that draw() makes faults of, connections' own left out.
std::vector<FaultKind> kinds_of(FaultGroup group);

} // namespace tz::test
