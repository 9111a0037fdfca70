// Threads that the system may refuse: each is a process to its limits, and in a container those are
// low.
#pragma once

#include <tz/format/error.hpp>

#include <functional>
#include <string>
#include <system_error>
#include <thread>

namespace tz {

/// Starts a thread that runs `body`, which must not throw. Throws `tz::Error` (errc::limit) where
/// the system grants no more; `purpose` ("to look up a.example") is in its text.
std::thread start_thread(std::function<void()> body, const std::string& purpose = "");

/// The error for a thread that the system refused. What else the user can do is in `hint_more`.
Error no_more_threads(
    const std::system_error& refusal,
    const std::string& hint_more = "",
    const std::string& purpose = "");

} // namespace tz
