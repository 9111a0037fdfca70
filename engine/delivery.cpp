#include <tz/engine/delivery.hpp>

#include <utility>

namespace tz {

Delivery::Delivery(
    std::size_t items, std::function<void(std::size_t)> hand_over, std::function<void()> wake)
    : hand_over_(std::move(hand_over)),
      wake_(std::move(wake)),
      complete_(items, false) {}

void Delivery::complete(std::size_t item) {
    bool is_next = false;
    {
        const std::lock_guard lock(mutex_);
        complete_[item] = true;
        is_next = item == next_;
    }
    if (is_next && hand_over_)
        wake_();
}

void Delivery::deliver() {
    if (!hand_over_)
        return;
    std::unique_lock lock(mutex_);
    while (next_ < complete_.size() && complete_[next_]) {
        const std::size_t item = next_++;
        lock.unlock();
        hand_over_(item);
        lock.lock();
    }
}

std::vector<std::size_t> Delivery::complete_items() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < complete_.size(); ++i)
        if (complete_[i])
            items.push_back(i);
    return items;
}

} // namespace tz
