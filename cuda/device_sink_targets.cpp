// Where each tensor of a load goes: to which device, and to what memory there.
#include <tz/cuda/device.hpp>
#include <tz/cuda/device_layout.hpp>
#include <tz/cuda/device_sink.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

namespace tz::cuda {

namespace {

constexpr std::size_t of_caller = SIZE_MAX; ///< no block of ours

} // namespace

/// Which device each tensor goes to.
void DeviceSink::settle(std::span<const Item> items) {
    items_ = items;
    targets_.resize(items.size());
    states_ = std::vector<std::atomic<State>>(items.size());
    std::vector<std::uint64_t> sizes;
    for (const Item& item : items)
        sizes.push_back(item.bytes);
    const auto dealt = deal(sizes, options_.devices.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        targets_[i].bytes = items[i].bytes;
        targets_[i].device =
            options_.map ? options_.map(items[i].source, handed_out(items[i])) : dealt[i];
    }
    for (const Target& target : targets_)
        if (target.device >= options_.devices.size())
            throw Error(errc::usage, "the map names a device that the load doesn't have");
}

std::vector<std::uint64_t> DeviceSink::sizes_on(std::size_t device) const {
    std::vector<std::uint64_t> sizes;
    for (std::size_t i = 0; i < items_.size(); ++i)
        if (targets_[i].device == device)
            sizes.push_back(items_[i].bytes);
    return sizes;
}

/// Memory of ours, once it is known that all of it fits. On a thread that talks to the device.
void DeviceSink::take_blocks(int number, const BlockLayout& layout) {
    const Room room = room_here(number);
    if (layout.bytes() > room.free)
        throw DeviceError(
            number,
            cudaErrorMemoryAllocation,
            "the tensors take " + std::to_string(layout.bytes()) + " bytes, and " +
                std::to_string(room.free) + " of " + std::to_string(room.total) +
                " bytes of memory are free on the device",
            "free memory of the device, use more devices, or load fewer tensors");
    for (const std::uint64_t bytes : layout.blocks)
        blocks_.push_back(std::make_shared<DeviceBlock>(DeviceBlock::Here{}, number, bytes));
}

void DeviceSink::allocate(std::size_t device) {
    const int number = options_.devices[device];
    const BlockLayout layout = lay_out(sizes_on(device));
    const std::size_t first = blocks_.size();
    on_device(number, [&] { take_blocks(number, layout); });
    stats_.device_bytes += layout.bytes();
    auto place = layout.places.begin();
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (targets_[i].device != device)
            continue;
        if (items_[i].bytes > 0) {
            targets_[i].block = first + place->block;
            targets_[i].data = blocks_[targets_[i].block]->data() + place->offset;
        }
        ++place;
    }
}

/// Memory of the caller.
void DeviceSink::take_given(std::size_t device) {
    const int number = options_.devices[device];
    open_device(number);
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (targets_[i].device != device)
            continue;
        targets_[i].block = of_caller;
        targets_[i].data = options_.destination(items_[i].source, handed_out(items_[i]), number);
        if (targets_[i].data == nullptr && items_[i].bytes > 0)
            throw Error(errc::usage, "no memory of the device was given for a tensor");
    }
}

void DeviceSink::list_tensors() {
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const Item& item = items_[i];
        tensors_.resize(std::max<std::size_t>(tensors_.size(), item.source + std::size_t{1}));
        auto& of_file = tensors_[item.source];
        of_file.resize(std::max<std::size_t>(of_file.size(), item.place + std::size_t{1}));
        const Target& target = targets_[i];
        DeviceTensor& tensor = of_file[item.place];
        tensor.device = options_.devices[target.device];
        tensor.data = target.data;
        tensor.bytes = item.bytes;
        if (target.block != of_caller && target.data != nullptr)
            tensor.memory = blocks_[target.block];
    }
}

} // namespace tz::cuda
