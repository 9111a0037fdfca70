// Complete tensors on their way to the caller, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace tz {

/// Lanes say what is complete, in any order; the thread that called load() hands it over in the
/// order of the items.
class Delivery {
public:
    /// `hand_over(item)` is called by deliver() only; without one nothing is handed over. `wake()`
    /// is called, on any thread, when there is something to deliver.
    Delivery(
        std::size_t items, std::function<void(std::size_t)> hand_over, std::function<void()> wake);

    /// Any thread.
    void complete(std::size_t item);

    /// Hands over what is complete and has nothing incomplete before it.
    void deliver();

    /// The items that are complete, handed over or not.
    std::vector<std::size_t> complete_items() const;

private:
    std::function<void(std::size_t)> hand_over_;
    std::function<void()> wake_;
    mutable std::mutex mutex_;
    std::vector<bool> complete_;
    std::size_t next_ = 0; ///< to hand over
};

} // namespace tz
