// What it brings to send late requests once more: loads with and without, of 64 tensors in 128
// chunks from a server that answers after 20 ms, and 2 % of the answers 3 s later. Prints figures;
// TZ_TEST_HEDGE_LOADS=N makes N loads of each kind, each with other late answers.
#include "http_load.hpp"

#include <cstdlib>
#include <iostream>
#include <random>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::HttpLoad;
using test::HttpServer;
using test::HttpServerOptions;

constexpr std::size_t chunk_bytes = 64 << 10;
constexpr std::size_t tensors = 64;
constexpr double late_share = 0.02;
constexpr auto lateness = 3s;

/// Of requests by their number; the first one, which brings the index, is never late.
std::vector<test::Rule> late_answers(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::bernoulli_distribution late(late_share);
    std::vector<test::Rule> rules;
    for (std::uint64_t i = 1; i < 4 * tensors; ++i)
        if (late(random))
            rules.push_back(
                {.first = i,
                 .last = i,
                 .faults = {{.kind = test::FaultKind::no_answer, .time = lateness}}});
    return rules;
}

struct Sum {
    std::vector<double> seconds;
    std::uint64_t requests = 0;
    std::uint64_t hedged = 0;
    std::uint64_t won = 0;

    void add(const LoadStats& stats) {
        seconds.push_back(stats.seconds);
        requests += stats.requests;
        hedged += stats.hedged;
        won += stats.hedges_won;
    }

    void print(const char* what) {
        std::ranges::sort(seconds);
        double all = 0;
        for (const double one : seconds)
            all += one;
        std::cout << what << ": " << seconds.size() << " loads, seconds mean "
                  << all / static_cast<double>(seconds.size()) << ", median "
                  << seconds[seconds.size() / 2] << ", most " << seconds.back() << "; " << requests
                  << " requests, " << hedged << " of them second ones, of which " << won
                  << " won\n";
    }
};

TEST_F(HttpLoad, BringsTheSameWhetherOrNotLateRequestsAreSentAgain) {
    const char* asked = std::getenv("TZ_TEST_HEDGE_LOADS");
    const std::uint64_t loads = asked != nullptr ? std::stoull(asked) : 1;
    const test::Sample sample(std::vector<std::size_t>(tensors, chunk_bytes));
    const auto object = bytes_of(sample);
    network_.transport.first_byte_timeout = 10s;
    EngineOptions small;
    small.chunk_bytes = chunk_bytes;
    Engine engine(small);
    Sum without;
    Sum with;
    for (std::uint64_t i = 0; i < loads; ++i)
        for (const bool hedge : {false, true}) {
            HttpServerOptions options;
            options.delay = 20ms;
            options.rules = late_answers(i);
            HttpServer server(std::move(options));
            server.put("/m", test::held_object(object));
            network_.hedge = hedge;
            const Loaded loaded = load(engine, open(server.url("/m")));
            expect_same(loaded, sample);
            EXPECT_LE(loaded.stats.hedged, hedge ? loaded.stats.requests / 20 + 1 : 0);
            (hedge ? with : without).add(loaded.stats);
        }
    without.print("once");
    with.print("again when late");
}

} // namespace
} // namespace tz
