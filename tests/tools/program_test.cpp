// When tests may send a program a signal that it keeps for itself.
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace tz::test {
namespace {

RunOptions env() {
    RunOptions options;
    options.program = "/usr/bin/env";
    return options;
}

TEST(Program, KeepsASignalForItself) {
    const Program program({"--block-signal=INT", "sleep", "60"}, env());
    EXPECT_TRUE(program.wait_until_it_blocks(SIGINT));
}

/// As at the start of any thread: the signal would end it, once they are let through again.
TEST(Program, KeepsNoSignalWhereItHoldsAllUp) {
    const Program program({"--block-signal", "sleep", "0.3"}, env());
    EXPECT_FALSE(program.wait_until_it_blocks(SIGINT));
}

} // namespace
} // namespace tz::test
