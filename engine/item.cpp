#include <tz/engine/alignment.hpp>
#include <tz/engine/item.hpp>

#include <algorithm>
#include <cstring>

namespace tz {

namespace {

std::uint64_t up_to_multiple(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit; // sealed pieces are no powers of two
}

/// How a dimension lies in a tensor.
struct Strides {
    std::uint64_t outer; ///< how often it comes
    std::uint64_t
        inner;          ///< from one index to the next: bytes, or bits where they aren't whole ones
    std::uint64_t byte; ///< of these
};

Strides strides_of(const format::Tensor& tensor, std::size_t dimension) {
    Strides strides{1, tensor.dtype.bits, 8};
    if (strides.inner % 8 == 0) // such tensors may have more than 2^64 bits
        strides = {1, strides.inner / 8, 1};
    for (std::size_t i = 0; i < dimension; ++i)
        strides.outer *= tensor.shape[i];
    for (std::size_t i = dimension + 1; i < tensor.shape.size(); ++i)
        strides.inner *= tensor.shape[i];
    return strides;
}

/// The bytes from `begin` to `end` of the data, widened to whole units, in the file.
format::Range widened(const Item& item, std::uint64_t begin, std::uint64_t end) {
    const format::Range& data = item.tensor->data;
    const std::uint64_t first = begin / item.unit * item.unit;
    const std::uint64_t last = std::min(up_to_multiple(end, item.unit), data.bytes);
    return {data.offset + first, last - first};
}

/// What belongs to a run, of a part of a tensor's data.
template <typename Use>
void for_each_run(const Runs& runs, std::uint64_t position, std::uint64_t bytes, const Use& use) {
    const std::uint64_t end = position + bytes;
    if (runs.count == 0 || end <= runs.offset)
        return;
    const std::uint64_t first =
        position <= runs.offset ? 0 : (position - runs.offset) / runs.distance;
    for (std::uint64_t i = first; i < runs.count; ++i) {
        const std::uint64_t run = runs.offset + i * runs.distance;
        if (run >= end)
            break;
        const std::uint64_t from = std::max(run, position);
        const std::uint64_t until = std::min(run + runs.bytes, end);
        if (from < until)
            use(RunPart{from - position, i * runs.bytes + from - run, until - from});
    }
}

} // namespace

bool takes_whole_bytes(
    const format::Tensor& tensor, std::size_t dimension, std::uint64_t begin, std::uint64_t end) {
    const Strides strides = strides_of(tensor, dimension);
    const auto whole = [&](std::uint64_t index) {
        return index * strides.inner % strides.byte == 0;
    };
    return whole(begin) && whole(end) && (strides.outer == 1 || whole(tensor.shape[dimension]));
}

Runs runs_of(
    const format::Tensor& tensor, std::size_t dimension, std::uint64_t begin, std::uint64_t end) {
    const auto [outer, inner, byte] = strides_of(tensor, dimension);
    const std::uint64_t row = tensor.shape[dimension] * inner / byte;
    Runs runs{begin * inner / byte, (end - begin) * inner / byte, row, outer};
    if (runs.total() == 0)
        return {};
    if (runs.bytes == row) // all of the dimension
        runs = {0, row * outer, row * outer, 1};
    return runs;
}

std::uint64_t copy_runs(
    const Runs& runs,
    std::uint64_t position,
    std::span<const std::byte> data,
    std::span<std::byte> to) {
    std::uint64_t copied = 0;
    for_each_run(runs, position, data.size(), [&](const RunPart& part) {
        std::memcpy(to.data() + part.to, data.data() + part.from, part.bytes);
        copied += part.bytes;
    });
    return copied;
}

RunPart gather_runs(const Runs& runs, std::uint64_t position, std::span<std::byte> data) {
    RunPart all;
    for_each_run(runs, position, data.size(), [&](const RunPart& part) {
        if (all.bytes == 0)
            all.to = part.to;
        // never past where it is read from: earlier runs took no more room than they have
        std::memmove(data.data() + all.bytes, data.data() + part.from, part.bytes);
        all.bytes += part.bytes;
    });
    return all;
}

Item whole_item(const format::Layout& layout, const format::Tensor& tensor, std::uint32_t source) {
    Item item;
    item.layout = &layout;
    item.tensor = &tensor;
    item.source = source;
    item.bytes = tensor.bytes;
    item.runs = {0, tensor.data.bytes, tensor.data.bytes, tensor.data.bytes > 0 ? 1u : 0u};
    item.read = tensor.data;
    return item;
}

void take_slice(Item& item, const Runs& runs, std::uint64_t unit, bool may_be_apart) {
    item.slice = true;
    item.whole = false;
    item.runs = runs;
    const std::uint64_t data_bytes = item.tensor->data.bytes;
    item.unit = std::clamp<std::uint64_t>(unit, 1, std::max<std::uint64_t>(data_bytes, 1));
    item.bytes = runs.total();
    const bool data = data_bytes > 0 && runs.count > 0; // meta tensors have none
    item.read =
        data ? widened(item, runs.offset, runs.end()) : format::Range{item.tensor->data.offset, 0};
    item.apart = may_be_apart && data && runs.count > 1 && runs.distance - runs.bytes > gap_max;
}

void for_each_read(const Item& item, const std::function<void(format::Range)>& use) {
    if (item.read.bytes == 0)
        return;
    if (!item.apart)
        return use(item.read);
    format::Range open;
    for (std::uint64_t i = 0; i < item.runs.count; ++i) {
        const std::uint64_t begin = item.runs.offset + i * item.runs.distance;
        const format::Range next = widened(item, begin, begin + item.runs.bytes);
        if (open.bytes > 0 && next.offset <= open.end() + gap_max) {
            open.bytes = next.end() - open.offset;
            continue;
        }
        if (open.bytes > 0)
            use(open);
        open = next;
    }
    use(open);
}

format::Tensor handed_out(const Item& item) {
    format::Tensor tensor = *item.tensor;
    if (item.slice) {
        tensor.shape[item.dimension] = item.extent;
        tensor.bytes = item.bytes;
    }
    return tensor;
}

std::uint64_t read_bytes(const Item& item) {
    if (!item.apart)
        return item.read.bytes;
    std::uint64_t bytes = 0;
    for_each_read(item, [&bytes](format::Range range) { bytes += range.bytes; });
    return bytes;
}

} // namespace tz
