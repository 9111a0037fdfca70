#include <tz/engine/piece_cut.hpp>
#include <tz/engine/plan.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <bit>
#include <string>
#include <unordered_set>

namespace tz {

namespace {

using format::Range;

// Below this a tensor is merged with its neighbours rather than aligned in memory.
constexpr std::uint64_t in_place_min = 1 << 20;

/// Walks the items in their order and closes a chunk when the next part does not fit.
class Cutter {
public:
    Cutter(std::span<const Item> items, const PlanOptions& options, std::vector<Segment>& segments)
        : items_(items),
          options_(options),
          segments_(segments),
          sealed_cut_bytes_(sealed_cut_bytes(options.chunk_bytes)) {}

    void item(std::uint32_t index) {
        const Item& item = items_[index];
        if (open_ && cuts.back().source != item.source)
            close();
        if (const std::uint64_t piece_bytes = piece_bytes_of(item.source))
            return pieces(item, piece_bytes);
        if (fits_one_chunk(item, data_of(item), options_.chunk_bytes))
            return small(index);
        if (item.header().bytes > options_.chunk_bytes)
            long_header(index);
        else
            large_header(index);
        if (!options_.headers_only)
            for_each_read(item, [&](Range range) { large_data(index, range); });
        close();
    }

    void close() { open_ = false; }

    std::vector<Cut> cuts;

private:
    Range data_of(const Item& item) const {
        return options_.headers_only ? Range{item.read.offset, 0} : item.read;
    }

    std::uint64_t piece_bytes_of(std::uint32_t source) const {
        return source < options_.piece_bytes.size() ? options_.piece_bytes[source] : 0;
    }

    /// All of the file's items, once.
    void pieces(const Item& item, std::uint64_t piece_bytes) {
        if (!by_pieces_.insert(item.source).second)
            return;
        const std::uint64_t step_bytes = std::min<std::uint64_t>(piece_bytes, options_.chunk_bytes);
        if (item.layout->file_bytes / step_bytes > chunks_max / 2)
            too_many_chunks(0); // before they take memory
        const PieceCuts made =
            cut_by_pieces(items_, item.source, piece_bytes, options_.chunk_bytes);
        if (made.cuts.size() > chunks_max - cuts.size())
            too_many_chunks(0);
        for (Cut cut : made.cuts) {
            cut.first += segments_.size();
            cuts.push_back(cut);
        }
        segments_.insert(segments_.end(), made.segments.begin(), made.segments.end());
    }

    [[noreturn]] static void too_many_chunks(std::uint64_t offset) {
        throw Error(
            errc::limit,
            "the file has more than " + std::to_string(chunks_max) + " chunks",
            offset,
            "raise --chunk-size");
    }

    void append(std::uint32_t index, bool header, Range range) {
        if (!open_) {
            if (cuts.size() == chunks_max)
                too_many_chunks(range.offset);
            cuts.push_back(Cut{items_[index].source, range, segments_.size()});
            open_ = true;
        }
        segments_.push_back(Segment{index, header, range});
        cuts.back().body.bytes = range.end() - cuts.back().body.offset;
    }

    void small(std::uint32_t index) {
        const Item& item = items_[index];
        const Range header = item.header();
        const Range data = data_of(item);
        const std::uint64_t end = data.bytes > 0 ? data.end() : header.end();
        if (header.bytes == 0 && data.bytes == 0)
            return nothing(index);
        if (open_) {
            const Range& body = cuts.back().body;
            const bool behind = header.offset >= body.end(); // or the caller's order goes back
            if (!behind || end - body.offset > options_.chunk_bytes ||
                header.offset - body.end() > gap_max)
                close();
        }
        append(index, true, header);
        if (data.bytes > 0)
            append(index, false, data);
    }

    /// To be complete it must come in a chunk, whichever that is.
    void nothing(std::uint32_t index) {
        const std::uint64_t here = open_ ? cuts.back().body.end() : items_[index].header().offset;
        append(index, true, Range{here, 0});
    }

    void long_header(std::uint32_t index) {
        close();
        append(index, true, items_[index].header());
        cuts.back().long_header = true;
        close();
    }

    void large_header(std::uint32_t index) {
        close();
        append(index, true, items_[index].header());
    }

    // Sealed data is cut at multiples of the usual piece from its start, plain data, where that is
    // the same to its user, at multiples of the chunk in the file, where direct reads of neighbours
    // don't overlap.
    std::uint64_t next_cut(const Item& item, std::uint64_t from) const {
        const std::uint64_t begin = open_ ? cuts.back().body.offset : from;
        const std::uint64_t room = begin + options_.chunk_bytes;
        const std::uint64_t data = item.tensor->data.offset;
        if (room <= data)
            return from;
        if (item.layout->encrypted || options_.cut_from_data)
            return data + (room - data) / sealed_cut_bytes_ * sealed_cut_bytes_;
        const std::uint64_t cut = (from / options_.chunk_bytes + 1) * options_.chunk_bytes;
        return cut <= room ? cut : room / direct_alignment * direct_alignment;
    }

    void large_data(std::uint32_t index, Range range) {
        if (open_ && range.offset - cuts.back().body.end() > gap_max)
            close();
        for (std::uint64_t from = range.offset; from < range.end();) {
            const std::uint64_t end = std::min(next_cut(items_[index], from), range.end());
            if (end > from)
                append(index, false, Range{from, end - from});
            from = std::max(from, end);
            close(); // a header that fills its chunk leaves it without data
        }
    }

    std::span<const Item> items_;
    const PlanOptions& options_;
    std::vector<Segment>& segments_;
    std::uint64_t sealed_cut_bytes_;
    std::unordered_set<std::uint32_t> by_pieces_; ///< sources that are cut
    bool open_ = false;
};

} // namespace

bool fits_one_chunk(const Item& item, Range data, std::size_t chunk_bytes) {
    const Range header = item.header();
    if (data.bytes == 0)
        return header.bytes <= chunk_bytes;
    return !item.apart && data.end() - header.offset <= chunk_bytes &&
           data.offset - header.end() <= gap_max;
}

std::uint64_t sealed_cut_bytes(std::size_t chunk_bytes) {
    constexpr std::uint64_t usual_piece_bytes = 2 << 20;
    return std::min<std::uint64_t>(usual_piece_bytes, std::bit_floor(chunk_bytes));
}

Plan::Plan(std::span<const Item> items, const PlanOptions& options) {
    segments_.reserve(2 * items.size());
    Cutter cutter(items, options, segments_);
    for (std::size_t i = 0; i < items.size(); ++i)
        cutter.item(static_cast<std::uint32_t>(i));

    chunks_.reserve(cutter.cuts.size());
    for (std::size_t i = 0; i < cutter.cuts.size(); ++i) {
        const Cut& cut = cutter.cuts[i];
        const std::size_t end =
            i + 1 < cutter.cuts.size() ? cutter.cuts[i + 1].first : segments_.size();
        const auto segments = std::span(segments_).subspan(cut.first, end - cut.first);
        chunks_.push_back(Chunk{
            cut.source, cut.body, segments, cut.long_header, cut.by_pieces, cut.piece_chunks});
    }
}

std::uint64_t Plan::gap_bytes() const {
    std::uint64_t bytes = 0;
    for (const Chunk& chunk : chunks_) {
        bytes += chunk.body.bytes;
        for (const Segment& segment : chunk.segments)
            bytes -= segment.range.bytes;
    }
    return bytes;
}

std::uint64_t mapped_alignment(const format::DType& dtype) {
    const std::uint64_t bytes = dtype.bits / 8;
    return bytes == 0 ? 1 : std::uint64_t{1} << std::countr_zero(bytes);
}

bool maps_in_place(const Item& item) {
    // what is sealed is opened elsewhere; zeros, and what a byte of data stands for, aren't there
    return !item.layout->encrypted && item.linear() && item.bytes == item.read.bytes &&
           item.read.offset % mapped_alignment(item.tensor->dtype) == 0;
}

bool reads_in_place(const Item& item) {
    return item.linear() && item.read.bytes >= in_place_min &&
           item.read.offset % direct_alignment == 0;
}

HostLayout
lay_out(std::span<const Item> items, const std::function<bool(const Item&)>& takes_room) {
    HostLayout host;
    host.offsets.reserve(items.size());
    for (const Item& item : items) {
        const std::uint64_t unit = reads_in_place(item) ? direct_alignment : handed_out_alignment;
        const std::uint64_t offset = round_up(host.bytes, unit);
        host.offsets.push_back(offset);
        if (!takes_room || takes_room(item))
            host.bytes = round_up(offset + item.bytes, unit);
    }
    return host;
}

} // namespace tz
