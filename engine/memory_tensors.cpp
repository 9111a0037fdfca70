#include <tz/engine/loop.hpp>
#include <tz/engine/memory_tensors.hpp>
#include <tz/engine/reader.hpp>
#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace tz {

namespace {

/// The tensors stand one behind the other, as if in a file without headers.
format::Layout layout_of(std::span<const TensorView> tensors) {
    format::Layout layout;
    layout.format = format::FileFormat::memory;
    layout.tensors.reserve(tensors.size());
    for (const TensorView& view : tensors) {
        format::Tensor tensor;
        tensor.name = view.spec.name;
        tensor.kind = view.spec.kind;
        tensor.dtype = format::parse_dtype(view.spec.dtype_code, 0);
        tensor.shape = view.spec.shape;
        tensor.bytes = view.spec.bytes;
        tensor.header.offset = layout.file_bytes;
        tensor.data = {layout.file_bytes, view.data.size()};
        layout.file_bytes += view.data.size();
        layout.tensors.push_back(std::move(tensor));
    }
    return layout;
}

class MemoryTensors final : public Source {
public:
    MemoryTensors(std::string name, std::span<const TensorView> tensors, format::Layout layout)
        : Source(std::move(name), layout.file_bytes),
          tensors_(tensors),
          layout_(std::move(layout)) {}

    const format::Layout* layout() const override { return &layout_; }

    std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const override;

    /// Copies from byte `offset` of all of them on.
    void copy(std::uint64_t offset, std::span<std::byte> to) const {
        const auto behind =
            std::ranges::upper_bound(layout_.tensors, offset, {}, [](const format::Tensor& tensor) {
                return tensor.data.offset;
            });
        auto at = static_cast<std::size_t>(behind - layout_.tensors.begin());
        for (at = at == 0 ? 0 : at - 1; !to.empty() && at < tensors_.size(); ++at) {
            const format::Range& data = layout_.tensors[at].data;
            if (offset >= data.end())
                continue;
            const auto from = tensors_[at].data.subspan(offset - data.offset);
            const std::size_t size = std::min(from.size(), to.size());
            std::memcpy(to.data(), from.data(), size);
            to = to.subspan(size);
            offset += size;
        }
    }

private:
    std::span<const TensorView> tensors_;
    const format::Layout layout_;
};

class MemoryReader final : public Reader {
public:
    MemoryReader(const MemoryTensors& tensors, Loop& loop, ReadCounters& counters)
        : tensors_(tensors),
          loop_(loop),
          counters_(counters) {}

    Route route(std::uint64_t /*offset*/, std::size_t /*bytes*/) override { return Route::cached; }

    awaitable<void>
    read(Route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) override {
        auto copy = [this, offset, to, need] {
            const CpuCount cpu(counters_);
            std::uint64_t at = offset;
            for (const Buffer& buffer : to) {
                const auto left = offset + need - at;
                const std::size_t size = std::min<std::uint64_t>(buffer.bytes.size(), left);
                tensors_.copy(at, buffer.bytes.first(size));
                at += size;
            }
        };
        co_await loop_.workers().run(std::move(copy), Urgency::last);
        counters_.bytes += need;
    }

private:
    const MemoryTensors& tensors_;
    Loop& loop_;
    ReadCounters& counters_;
};

std::unique_ptr<Reader> MemoryTensors::reader(Loop& loop, ReadCounters& counters) const {
    return std::make_unique<MemoryReader>(*this, loop, counters);
}

} // namespace

std::shared_ptr<const Source>
memory_tensors(std::string name, std::span<const TensorView> tensors) {
    return std::make_shared<MemoryTensors>(std::move(name), tensors, layout_of(tensors));
}

} // namespace tz
