#include <tz/engine/load_threads.hpp>
#include <tz/engine/signals.hpp>

#include <utility>

namespace tz {

LoadThreads::Entry::Entry(std::function<void()> load)
    : thread([this, load = std::move(load)] {
          load();
          ended = true;
      }) {}

void LoadThreads::start(std::function<void()> load) {
    const SignalBlock block;
    const std::lock_guard lock(mutex_);
    entries_.remove_if([](const Entry& entry) { return entry.ended.load(); });
    entries_.emplace_back(std::move(load));
}

} // namespace tz
