// What is said where the system grants no thread.
#include "failing_calls.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/resolve.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>

namespace tz {
namespace {

TEST(WantOfThreads, NamesTheHostThatCannotBeLookedUp) {
    asio::io_context context;
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto addresses = asio::co_spawn(context, resolve_host("a.example", late), asio::use_future);
    {
        const soak::FailingCalls failing({{soak::Call::thread, 0, EAGAIN}});
        context.run();
        EXPECT_EQ(failing.met(), 1u);
    }
    try {
        addresses.get();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::limit);
        EXPECT_TRUE(
            error.problem().starts_with("no more threads can be started to look up a.example: "))
            << error.problem();
        EXPECT_NE(error.hint().find("ulimit -u"), std::string::npos);
    }
}

} // namespace
} // namespace tz
