#include <tz/engine/buffer.hpp>

#include <algorithm>

namespace tz {

Arena::Arena(std::size_t buffers, std::size_t buffer_bytes)
    : buffer_bytes_(buffer_bytes),
      memory_(buffers * buffer_bytes),
      touched_(buffers, false) {}

std::span<std::byte> Arena::bytes(std::size_t index) const {
    return memory_.bytes().subspan(index * buffer_bytes_, buffer_bytes_);
}

std::size_t Arena::touched_bytes() const {
    return static_cast<std::size_t>(std::count(touched_.begin(), touched_.end(), true)) *
           buffer_bytes_;
}

} // namespace tz
