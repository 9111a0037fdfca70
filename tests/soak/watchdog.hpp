// Ends the process when one run hangs, and says which: a soak that waits for ever shows nothing.
#pragma once

#include <functional>
#include <string>

namespace tz::soak {

/// From now on, until the next one begins or end_run(). Starts the thread that looks on.
void begin_run(const std::string& description);
void end_run();

/// Says so where one hangs, on a thread of its own, before the process ends; std::cerr if nobody
/// does.
void on_hang(std::function<void(const std::string& what)> say);

/// What runs, for whoever says why the process ends. Any thread.
std::string current_run();

} // namespace tz::soak
