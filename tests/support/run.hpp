// Runs a coroutine under test on an io_context of its own, with a deadline.
#pragma once

#include <tz/engine/async.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>

namespace tz::test {

/// Throws what the coroutine throws; fails the test when it does not end.
inline void run(asio::io_context& context, awaitable<void> coroutine) {
    std::exception_ptr failure;
    bool ended = false;
    asio::co_spawn(context, std::move(coroutine), [&](std::exception_ptr error) {
        failure = std::move(error);
        ended = true;
    });
    context.restart();
    context.run_for(std::chrono::seconds(20));
    ASSERT_TRUE(ended) << "the coroutine did not end";
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace tz::test
