// What docs/network.md and --help say of defaults is what holds.
#include "support/program.hpp"
#include <tz/protocols/network.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace tz::test {
namespace {

std::string number(auto value) {
    return std::to_string(value);
}

std::string seconds(std::chrono::milliseconds time) {
    EXPECT_EQ(time.count() % 1000, 0);
    return number(time.count() / 1000) + " s";
}

std::string manual() {
    std::ifstream file(TZ_DOCS "/network.md");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Of an option in `tz load --help`, up to the next.
std::string help_of(const std::string& option) {
    const std::string help = run({"load", "--help"}).out;
    const std::size_t at = help.find("  " + option + " ");
    EXPECT_NE(at, help.npos) << option;
    return help.substr(at, help.find("\n  --", at) - at);
}

TEST(NetworkDefaults, AreThoseOfTheManual) {
    const std::string text = manual();
    const NetworkOptions network;
    const TransportOptions& transport = network.transport;
    const RetryOptions& retry = network.retry;
    for (const std::string& said : {
             "| `--connect-timeout` | " + seconds(transport.connect_timeout) + " |",
             "IPv6 and IPv4 are tried " + number(transport.next_address_delay.count()) +
                 " ms apart",
             "| `--first-byte-timeout` | " + seconds(transport.first_byte_timeout) + " |",
             "| `--stall-time` | " + seconds(transport.stall_time) + " | with less than " +
                 number(transport.stall_bytes >> 10) + " KiB",
             "| `--tries` | " + number(retry.tries_max) + " of each range | with waits of " +
                 number(retry.delay_min.count()) + " ms to " + seconds(retry.delay_max) +
                 " by chance, for at most " +
                 number(std::chrono::duration_cast<std::chrono::minutes>(retry.total_max).count()) +
                 " minutes",
             "| | " + number(retry.budget) + " tokens a host |",
             "| | " + seconds(retry.retry_after_max) + " of `Retry-After` |",
             "At most " + number(network.redirects_max) + " (`--redirects`)",
         })
        EXPECT_NE(text.find(said), text.npos) << said;
    EXPECT_FALSE(network.hedge || network.allow_http || transport.insecure) << "off, says the page";
}

TEST(NetworkDefaults, AreThoseOfTheHelp) {
    const NetworkOptions network;
    const auto brief = [](std::chrono::milliseconds time) {
        return "(" + number(time.count() / 1000) + "s)";
    };
    for (const auto& [option, said] : {
             std::pair("--connect-timeout", brief(network.transport.connect_timeout)),
             std::pair("--first-byte-timeout", brief(network.transport.first_byte_timeout)),
             std::pair("--stall-time", brief(network.transport.stall_time)),
             std::pair("--tries", "(" + number(network.retry.tries_max) + ")"),
             std::pair("--redirects", "(" + number(network.redirects_max) + ")"),
         })
        EXPECT_NE(help_of(option).find(said), std::string::npos) << help_of(option);
}

} // namespace
} // namespace tz::test
