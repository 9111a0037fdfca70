// A load of a file in memory, by the pure parts that lanes drive and in their order
// (engine/lane.cpp), but without reads, threads and coroutines: a fuzzer runs thousands of them a
// second.
#pragma once

#include <tz/engine/plan.hpp>
#include <tz/engine/transform.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace tz::test {

struct MemoryLoadOptions {
    std::size_t chunk_bytes = 4096;
    Verify verify = Verify::automatic;
    bool owned = true;    ///< else tensors go nowhere, as with Memory::none
    bool in_place = true; ///< plain data is read to where it belongs, else to staging
};

class MemoryLoad {
public:
    using Bytes = std::vector<std::byte>;

    /// Throws as a load does. `key` opens sealed data.
    MemoryLoad(
        const format::Layout& layout,
        std::span<const std::byte> file,
        const format::Secret& key,
        const MemoryLoadOptions& how)
        : layout_(layout),
          file_(file),
          key_(key),
          how_(how),
          items_(items_of(layout)),
          plan_(items_, plan_options(how)),
          options_(load_options(how)),
          arrivals_(layout.tensors.size()),
          transform_{items_, options_, arrivals_, how.chunk_bytes, false},
          tensors_(layout.tensors.size()) {
        prepare();
        for (const Chunk& chunk : plan_.chunks())
            run(chunk);
        complete_ = std::ranges::all_of(arrivals_, [](const Arrival& a) { return a.missing == 0; });
    }

    /// Every byte of every header and tensor went through all steps.
    bool complete() const { return complete_; }

    const std::vector<Bytes>& tensors() const { return tensors_; }

    const format::Sha256& digest(std::size_t tensor) const {
        return arrivals_[tensor].digest_value;
    }

private:
    static std::vector<Item> items_of(const format::Layout& layout) {
        std::vector<Item> items;
        for (const format::Tensor& tensor : layout.tensors)
            items.push_back(whole_item(layout, tensor, 0));
        return items;
    }

    static PlanOptions plan_options(const MemoryLoadOptions& how) {
        PlanOptions options;
        options.chunk_bytes = how.chunk_bytes;
        return options;
    }

    static LoadOptions load_options(const MemoryLoadOptions& how) {
        LoadOptions options;
        options.verify = how.verify;
        options.memory = how.owned ? Memory::owned : Memory::none;
        options.digests = true;
        return options;
    }

    void prepare() {
        for (std::size_t i = 0; i < arrivals_.size(); ++i) {
            const format::Tensor& tensor = layout_.tensors[i];
            arrivals_[i].missing = tensor.header.bytes + tensor.data.bytes;
            const bool has_data = tensor.data.bytes == tensor.bytes;
            if (how_.owned || !has_data)
                tensors_[i].resize(tensor.bytes);
            if (how_.owned && has_data && tensor.bytes > 0)
                arrivals_[i].destination = tensors_[i];
        }
    }

    void run(const Chunk& chunk) {
        const auto body = file_.subspan(chunk.body.offset, chunk.body.bytes);
        Bytes staging(body.begin(), body.end());
        const auto staged = [&](const Segment& segment) {
            return std::span(staging).subspan(
                segment.range.offset - chunk.body.offset, segment.range.bytes);
        };
        for (const Segment& segment : chunk.segments)
            if (segment.header)
                take_header(segment.item, staged(segment));
        std::vector<format::Crc32> crc32;
        for (const Segment& segment : chunk.segments)
            crc32.push_back(segment.header ? 0 : take_data(segment, staged(segment)));
        for (std::size_t i = 0; i < chunk.segments.size(); ++i) {
            const Segment& segment = chunk.segments[i];
            if (!transform_.count(segment.item, segment.range.bytes, crc32[i]))
                continue;
            if (const auto error = transform_.settle(segment.item))
                throw Error(*error);
            arrivals_[segment.item].scratch.reset();
        }
    }

    void take_header(std::uint32_t index, std::span<const std::byte> bytes) {
        transform_.take_header(index, bytes);
        Arrival& arrival = arrivals_[index];
        if (!arrival.gathered || !arrival.destination.empty())
            return;
        const std::uint64_t data_bytes = layout_.tensors[index].data.bytes;
        arrival.scratch = std::make_unique<HostMemory>(data_bytes);
    }

    /// The share of its CRC-32.
    format::Crc32 take_data(const Segment& segment, std::span<std::byte> bytes) {
        const format::Tensor& tensor = layout_.tensors[segment.item];
        const Arrival& arrival = arrivals_[segment.item];
        if (how_.in_place && how_.owned && !layout_.encrypted && !arrival.destination.empty()) {
            const std::uint64_t position = segment.range.offset - tensor.data.offset;
            const auto home = arrival.destination.subspan(position, bytes.size());
            std::ranges::copy(bytes, home.begin());
            bytes = home;
        }
        JobTimes times;
        Taken taken;
        if (const auto damaged = transform_.take_data(segment, bytes, &key_, taken, times))
            throw Error(damaged->error);
        const auto plain = taken.plain;
        std::vector<format::Sha256Part> parts;
        if (!plain.empty())
            transform_.list_hashes(segment.item, plain, parts);
        format::sha256_update(parts);
        if (!how_.owned && tensor.data.bytes == tensor.bytes)
            tensors_[segment.item].insert(tensors_[segment.item].end(), plain.begin(), plain.end());
        return taken.crc32;
    }

    const format::Layout& layout_;
    std::span<const std::byte> file_;
    const format::Secret& key_;
    MemoryLoadOptions how_;
    std::vector<Item> items_;
    Plan plan_;
    LoadOptions options_;
    std::vector<Arrival> arrivals_;
    Transform transform_;
    std::vector<Bytes> tensors_;
    bool complete_ = false;
};

} // namespace tz::test
