#include <tz/format/layout.hpp>

namespace tz::format {

std::uint64_t Layout::total_bytes() const {
    std::uint64_t total = 0;
    for (const Tensor& tensor : tensors)
        total += tensor.bytes;
    return total;
}

} // namespace tz::format
