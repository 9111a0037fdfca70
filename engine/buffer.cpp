#include <tz/engine/buffer.hpp>

#include <algorithm>
#include <sys/mman.h>

namespace tz {

Arena::Arena(std::size_t buffers, std::size_t buffer_bytes)
    : buffer_bytes_(buffer_bytes),
      memory_(buffers * buffer_bytes),
      states_(buffers) {}

std::span<std::byte> Arena::bytes(std::size_t index) const {
    return memory_.bytes().subspan(index * buffer_bytes_, buffer_bytes_);
}

std::size_t Arena::touched_bytes() const {
    const auto untouched = std::count(states_.begin(), states_.end(), State::untouched);
    return (states_.size() - static_cast<std::size_t>(untouched)) * buffer_bytes_;
}

void Arena::set_touched(std::size_t index) {
    State untouched = State::untouched;
    states_[index].compare_exchange_strong(untouched, State::touched);
}

void Arena::release_from(std::size_t index) {
    for (std::size_t i = index; i < states_.size(); ++i) {
        if (states_[i] != State::touched)
            continue;
        ::madvise(bytes(i).data(), buffer_bytes_, MADV_DONTNEED);
        states_[i] = State::untouched;
    }
}

} // namespace tz
