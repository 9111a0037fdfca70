#include <tz/engine/plan.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <bit>
#include <string>

namespace tz {

namespace {

using format::Range;

// Ranges this far apart are still one read; a seek costs more than the bytes between.
constexpr std::uint64_t gap_max = 64 << 10;
// Below this a tensor is merged with its neighbours rather than aligned in memory.
constexpr std::uint64_t in_place_min = 1 << 20;

struct Cut {
    Range body;
    std::size_t first = 0; // of its segments
    bool long_header = false;
};

/// Walks the tensors in file order and closes a chunk when the next part does not fit.
class Cutter {
public:
    Cutter(const format::Layout& layout, const PlanOptions& options, std::vector<Segment>& segments)
        : layout_(layout),
          options_(options),
          segments_(segments),
          sealed_cut_bytes_(sealed_cut_bytes(options.chunk_bytes)) {}

    void tensor(std::uint32_t index) {
        const auto& tensor = layout_.tensors[index];
        const std::uint64_t data = options_.headers_only ? 0 : tensor.data.bytes;
        if (tensor.header.bytes > options_.chunk_bytes)
            long_header(index, tensor);
        else if (tensor.header.bytes + data <= options_.chunk_bytes)
            return small(index, tensor);
        else
            large_header(index, tensor);
        if (data > 0)
            large_data(index, tensor);
        close();
    }

    void close() { open_ = false; }

    std::vector<Cut> cuts;

private:
    void append(std::uint32_t tensor, bool header, Range range) {
        if (!open_) {
            if (cuts.size() == chunks_max)
                throw Error(
                    errc::limit,
                    "the file has more than " + std::to_string(chunks_max) + " chunks",
                    range.offset,
                    "raise --chunk-size");
            cuts.push_back(Cut{range, segments_.size(), false});
            open_ = true;
        }
        segments_.push_back(Segment{tensor, header, range});
        cuts.back().body.bytes = range.end() - cuts.back().body.offset;
    }

    void small(std::uint32_t index, const format::Tensor& tensor) {
        const bool data = !options_.headers_only && tensor.data.bytes > 0;
        const std::uint64_t end = data ? tensor.data.end() : tensor.header.end();
        if (open_) {
            const Range& body = cuts.back().body;
            if (end - body.offset > options_.chunk_bytes ||
                tensor.header.offset - body.end() > gap_max)
                close();
        }
        append(index, true, tensor.header);
        if (data)
            append(index, false, tensor.data);
    }

    void long_header(std::uint32_t index, const format::Tensor& tensor) {
        close();
        append(index, true, tensor.header);
        cuts.back().long_header = true;
        close();
    }

    void large_header(std::uint32_t index, const format::Tensor& tensor) {
        close();
        append(index, true, tensor.header);
    }

    // Sealed data is cut at multiples of the usual piece from its start, plain data at multiples of
    // the chunk in the file, where direct reads of neighbours don't overlap.
    std::uint64_t next_cut(const format::Tensor& tensor, std::uint64_t from) const {
        const std::uint64_t begin = open_ ? cuts.back().body.offset : from;
        const std::uint64_t room = begin + options_.chunk_bytes;
        if (layout_.encrypted)
            return tensor.data.offset +
                   (room - tensor.data.offset) / sealed_cut_bytes_ * sealed_cut_bytes_;
        const std::uint64_t cut = (from / options_.chunk_bytes + 1) * options_.chunk_bytes;
        return cut <= room ? cut : room / direct_alignment * direct_alignment;
    }

    void large_data(std::uint32_t index, const format::Tensor& tensor) {
        for (std::uint64_t from = tensor.data.offset; from < tensor.data.end();) {
            const std::uint64_t end = std::min(next_cut(tensor, from), tensor.data.end());
            if (end > from)
                append(index, false, Range{from, end - from});
            from = std::max(from, end);
            close(); // a header that fills its chunk leaves it without data
        }
    }

    const format::Layout& layout_;
    const PlanOptions& options_;
    std::vector<Segment>& segments_;
    std::uint64_t sealed_cut_bytes_;
    bool open_ = false;
};

} // namespace

std::uint64_t sealed_cut_bytes(std::size_t chunk_bytes) {
    constexpr std::uint64_t usual_piece_bytes = 2 << 20;
    return std::min<std::uint64_t>(usual_piece_bytes, std::bit_floor(chunk_bytes));
}

Plan::Plan(const format::Layout& layout, const PlanOptions& options) {
    const auto& tensors = layout.tensors;
    const auto spans =
        std::max<std::size_t>(1, std::min<std::size_t>(options.spans, tensors.size()));
    segments_.reserve(2 * tensors.size());
    Cutter cutter(layout, options, segments_);
    spans_ = std::vector<Span>(spans);

    // Spans of about equal bytes, cut between tensors.
    const std::uint64_t begin = tensors.empty() ? 0 : tensors.front().header.offset;
    const std::uint64_t bytes = tensors.empty() ? 0 : tensors.back().data.end() - begin;
    std::size_t tensor = 0;
    for (std::size_t i = 0; i < spans; ++i) {
        const std::uint64_t end = i + 1 == spans ? UINT64_MAX : begin + bytes / spans * (i + 1);
        spans_[i].next = cutter.cuts.size();
        for (; tensor < tensors.size() && tensors[tensor].header.offset < end; ++tensor)
            cutter.tensor(static_cast<std::uint32_t>(tensor));
        cutter.close();
        spans_[i].end = cutter.cuts.size();
    }

    chunks_.reserve(cutter.cuts.size());
    for (std::size_t i = 0; i < cutter.cuts.size(); ++i) {
        const Cut& cut = cutter.cuts[i];
        const std::size_t end =
            i + 1 < cutter.cuts.size() ? cutter.cuts[i + 1].first : segments_.size();
        const auto segments = std::span(segments_).subspan(cut.first, end - cut.first);
        chunks_.push_back(Chunk{cut.body, segments, cut.long_header});
    }
}

const Chunk* Plan::next(unsigned lane) {
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        Span& span = spans_[(lane + i) % spans_.size()];
        if (span.next.load(std::memory_order_relaxed) >= span.end)
            continue;
        const std::size_t chunk = span.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk < span.end)
            return &chunks_[chunk];
    }
    return nullptr;
}

bool reads_in_place(const format::Tensor& tensor) {
    return tensor.data.bytes >= in_place_min && tensor.data.offset % direct_alignment == 0;
}

HostLayout lay_out(const format::Layout& layout) {
    constexpr std::uint64_t alignment = 64; // what vector instructions and DLPack consumers want
    HostLayout host;
    host.offsets.reserve(layout.tensors.size());
    for (const auto& tensor : layout.tensors) {
        const std::uint64_t unit = reads_in_place(tensor) ? direct_alignment : alignment;
        const std::uint64_t offset = round_up(host.bytes, unit);
        host.offsets.push_back(offset);
        host.bytes = round_up(offset + tensor.bytes, unit);
    }
    return host;
}

} // namespace tz
