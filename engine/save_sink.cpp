#include <tz/engine/loop.hpp>
#include <tz/engine/part_target.hpp>
#include <tz/engine/save_sink.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace tz {

namespace {

// Smaller tensors are written together with their headers and their neighbours, from a copy.
constexpr std::size_t copied_max = 256 << 10;
// Tensors without data that are written as zeros.
constexpr std::size_t zeros_at_once = 1 << 20;

void cast_in(
    const PlannedTensor& planned, std::span<const std::byte> from, std::span<std::byte> to) {
    format::cast_floats(planned.cast->first, from, planned.cast->second, to);
}

} // namespace

/// A part of a tensor as it is written.
struct SaveSink::Piece {
    std::uint32_t item;
    std::uint64_t offset; ///< in the tensor's data
    std::span<std::byte> bytes;
    std::span<const std::byte> uncast; ///< what they are made from; empty where they are there
};

/// A range of a file.
struct SaveSink::Write {
    std::uint32_t file;
    std::uint64_t offset;
    std::vector<std::byte> copy;
    std::span<const std::byte> bytes; ///< where there is no copy
};

/// Ranges of files, those that follow one another joined.
class SaveSink::Writes {
public:
    /// Copies `bytes`.
    void add_copy(std::uint32_t file, std::uint64_t offset, std::span<const std::byte> bytes) {
        if (bytes.empty())
            return;
        const bool joins = !list_.empty() && list_.back().file == file &&
                           !list_.back().copy.empty() &&
                           list_.back().offset + list_.back().copy.size() == offset;
        if (!joins)
            list_.push_back({file, offset, {}, {}});
        auto& copy = list_.back().copy;
        copy.insert(copy.end(), bytes.begin(), bytes.end());
    }

    void add(std::uint32_t file, std::uint64_t offset, std::span<const std::byte> bytes) {
        list_.push_back({file, offset, {}, bytes});
    }

    const std::vector<Write>& list() const { return list_; }

private:
    std::vector<Write> list_;
};

SaveSink::SaveSink(Setup setup) : setup_(std::move(setup)) {}

SaveSink::~SaveSink() = default;

bool SaveSink::in_order() const {
    return setup_.side_by_side && setup_.settings.write.sha256;
}

void SaveSink::begin(std::span<const Item> items, std::uint64_t cut_bytes) {
    items_ = items;
    cut_bytes_ = cut_bytes;
    plan_ = setup_.plan(items, cut_bytes);
    SaveSettings settings = setup_.settings;
    settings.write.piece_bytes = plan_.piece_bytes;
    saves_ = std::vector<TensorSave>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        const format::Layout& layout = plan_.files[plan_.tensors[i].file].layout;
        saves_[i].begin(layout, layout.tensors[plan_.tensors[i].place], settings);
    }
    if (setup_.settings.manifest)
        for (const PlannedFile& file : plan_.files)
            manifests_.push_back(std::make_unique<SaveManifest>(file.layout, setup_.settings));
}

awaitable<void> SaveSink::open(Loop& loop) {
    static constexpr std::array<std::byte, format::terminator_bytes> terminator{};
    for (std::size_t i = 0; i < plan_.files.size(); ++i) {
        const PlannedFile& file = plan_.files[i];
        const std::uint64_t bytes = file.layout.file_bytes;
        targets_.push_back(any_range(setup_.make_target(file.name), bytes));
        Target& target = *targets_.back();
        co_await target.begin(loop, bytes);
        co_await write_head(loop, i);
        if (file.layout.has_headers())
            co_await target.write(loop, terminator, bytes - terminator.size());
    }
}

/// Without the manifest, which comes with the last header.
awaitable<void> SaveSink::write_head(Loop& loop, std::size_t file) {
    std::vector<std::byte> head = std::move(plan_.files[file].head); // of many tensors it is large
    if (!manifests_.empty())
        head.resize(manifests_[file]->place().offset);
    co_await targets_[file]->write(loop, head, 0);
}

std::vector<format::Manifest> SaveSink::manifests() const {
    std::vector<format::Manifest> all;
    all.reserve(manifests_.size());
    for (const auto& each : manifests_)
        all.push_back(each->manifest());
    return all;
}

void SaveSink::take_header(std::uint32_t item, const format::TensorHeader& header) {
    save_of(item).start(plan_.tensors[item].module_index.value_or(header.module_index));
}

awaitable<void> SaveSink::put(Loop& loop, std::span<const Part> parts) {
    std::vector<std::byte> grown;
    std::vector<Piece> pieces = pieces_of(parts, grown);
    co_await bring(loop, pieces);
}

/// Elements that grow need memory: `grown`.
std::vector<SaveSink::Piece>
SaveSink::pieces_of(std::span<const Part> parts, std::vector<std::byte>& grown) {
    std::vector<Piece> pieces;
    std::size_t more = 0;
    const auto sizes = [this](const Part& part) {
        const auto& cast = plan_.tensors[part.item].cast;
        return cast ? std::pair(format::bytes_of(cast->first), format::bytes_of(cast->second))
                    : std::pair(1u, 1u);
    };
    for (const Part& part : parts)
        if (const auto [from, to] = sizes(part); to > from)
            more += part.bytes.size() / from * to;
    grown.resize(more);
    std::span<std::byte> room = grown;
    for (const Part& part : parts) {
        const auto [from, to] = sizes(part);
        const std::size_t bytes = part.bytes.size() / from * to;
        Piece piece{part.item, part.offset / from * to, part.bytes, {}};
        if (plan_.tensors[part.item].cast)
            piece.uncast = part.bytes;
        if (to > from) {
            piece.bytes = room.first(bytes);
            room = room.subspan(bytes);
        } else {
            piece.bytes = part.bytes.first(bytes);
        }
        pieces.push_back(piece);
    }
    return pieces;
}

/// Everything that is done with the bytes of a chunk.
awaitable<void> SaveSink::bring(Loop& loop, std::vector<Piece>& pieces) {
    auto take = [this, &pieces] {
        for (Piece& piece : pieces) {
            if (!piece.uncast.empty())
                cast_in(plan_.tensors[piece.item], piece.uncast, piece.bytes);
            save_of(piece.item).add_crc32(piece.bytes, piece.offset);
        }
    };
    co_await loop.workers().run(std::move(take));
    co_await hash(loop, pieces);
    if (setup_.settings.key) {
        auto seal = [this, &pieces] {
            for (const Piece& piece : pieces)
                if (save_of(piece.item).sealed())
                    save_of(piece.item).seal(piece.bytes, piece.offset, *setup_.settings.key);
        };
        co_await loop.workers().run(std::move(seal));
    }
    co_await write_pieces(loop, pieces);
}

/// Waits for the turn of each piece in its tensor.
awaitable<void> SaveSink::hash(Loop& loop, std::vector<Piece>& pieces) {
    HashTask task;
    for (const Piece& piece : pieces) {
        TensorSave& save = save_of(piece.item);
        if (!save.hashed_in_order())
            continue;
        if (save.hashed().value() < piece.offset)
            co_await save.hashed().reached(piece.offset);
        task.parts.push_back({&save.sha256(), piece.bytes});
        task.bytes += piece.bytes.size();
    }
    if (task.parts.empty())
        co_return;
    task.then = [this, &pieces](const JobTimes&, double) {
        for (const Piece& piece : pieces)
            if (save_of(piece.item).hashed_in_order())
                save_of(piece.item).hashed().advance(piece.offset + piece.bytes.size());
    };
    co_await hashes_.run(task, loop.workers());
}

awaitable<void> SaveSink::write_pieces(Loop& loop, std::vector<Piece>& pieces) {
    Writes writes;
    auto list = [this, &pieces, &writes] {
        for (const Piece& piece : pieces) {
            const std::uint32_t file = plan_.tensors[piece.item].file;
            const format::Tensor& tensor = save_of(piece.item).tensor();
            const std::uint64_t offset = tensor.data.offset + piece.offset;
            const bool whole = piece.bytes.size() == tensor.data.bytes;
            if (whole)
                add_header(writes, piece.item);
            if (whole && piece.bytes.size() <= copied_max)
                writes.add_copy(file, offset, piece.bytes);
            else
                writes.add(file, offset, piece.bytes);
        }
    };
    co_await loop.workers().run(std::move(list));
    co_await write(loop, writes);
}

/// And behind the last header of a file its manifest.
void SaveSink::add_header(Writes& writes, std::uint32_t item) {
    TensorSave& save = save_of(item);
    const PlannedTensor& planned = plan_.tensors[item];
    const std::vector<std::byte> header = save.finish();
    writes.add_copy(planned.file, save.tensor().header.offset, header);
    if (manifests_.empty())
        return;
    SaveManifest& manifest = *manifests_[planned.file];
    if (manifest.take_header(planned.place, header))
        writes.add_copy(planned.file, manifest.place().offset, manifest.finish());
}

awaitable<void> SaveSink::write(Loop& loop, const Writes& writes) {
    for (const Write& each : writes.list()) {
        const std::span<const std::byte> bytes = each.copy.empty() ? each.bytes : each.copy;
        co_await targets_[each.file]->write(loop, bytes, each.offset);
    }
}

awaitable<void> SaveSink::complete(Loop& loop, std::span<const std::uint32_t> items) {
    for (const std::uint32_t item : items) // which no part came of, though the new file has data
        if (!save_of(item).finished() && items_[item].tensor->data.bytes <= 1)
            co_await put_zeros(loop, item);
    Writes writes;
    auto list = [this, items, &writes] {
        for (const std::uint32_t item : items)
            if (!save_of(item).finished())
                add_header(writes, item);
    };
    co_await loop.workers().run(std::move(list));
    co_await write(loop, writes);
}

/// A byte that stands for an empty tensor, or all of a tensor that had none.
awaitable<void> SaveSink::put_zeros(Loop& loop, std::uint32_t item) {
    const std::uint64_t bytes = save_of(item).tensor().data.bytes;
    const std::uint64_t step = std::min<std::uint64_t>(cut_bytes_, zeros_at_once);
    for (std::uint64_t at = 0; at < bytes; at += step) {
        std::vector<std::byte> zeros(std::min(step, bytes - at)); // each time: sealed in place
        std::vector<Piece> pieces(1, Piece{item, at, zeros, {}});
        co_await bring(loop, pieces);
    }
}

awaitable<void> SaveSink::close(Loop& loop) {
    for (const auto& target : targets_)
        co_await target->sync(loop);
    for (const auto& target : targets_)
        co_await target->publish(loop);
}

awaitable<void> SaveSink::abandon(Loop& loop, std::chrono::steady_clock::time_point until) {
    for (const auto& target : targets_)
        try {
            co_await target->abandon(loop, until);
        } catch (const std::bad_alloc&) {
            continue; // the others all the same
        }
}

} // namespace tz
