#include <tz/cuda/device_layout.hpp>

#include <algorithm>
#include <numeric>

namespace tz::cuda {

namespace {

std::uint64_t aligned(std::uint64_t bytes) {
    return (bytes + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

} // namespace

std::uint64_t BlockLayout::bytes() const {
    return std::accumulate(blocks.begin(), blocks.end(), std::uint64_t{0});
}

BlockLayout lay_out(std::span<const std::uint64_t> sizes, std::uint64_t block_max) {
    BlockLayout layout;
    for (const std::uint64_t size : sizes) {
        const std::uint64_t room = aligned(size);
        if (size > 0 && (layout.blocks.empty() || layout.blocks.back() + room > block_max))
            layout.blocks.push_back(0);
        if (size == 0) {
            layout.places.push_back({});
            continue;
        }
        layout.places.push_back({layout.blocks.size() - 1, layout.blocks.back()});
        layout.blocks.back() += room;
    }
    return layout;
}

std::vector<std::size_t> deal(std::span<const std::uint64_t> sizes, std::size_t devices) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a < b;
    });
    std::vector<std::uint64_t> loads(devices, 0);
    std::vector<std::size_t> dealt(sizes.size(), 0);
    for (const std::size_t i : order) {
        const auto least = std::min_element(loads.begin(), loads.end());
        *least += sizes[i];
        dealt[i] = static_cast<std::size_t>(least - loads.begin());
    }
    return dealt;
}

} // namespace tz::cuda
