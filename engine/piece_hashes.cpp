#include <tz/engine/cause.hpp>
#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hash_queue.hpp>
#include <tz/engine/lane_reader.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/piece_hashes.hpp>
#include <tz/engine/staged_read.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

namespace tz {

namespace {

/// One call of hash_pieces(). A chunk is a piece; a lane brings it in as many reads as it takes.
class PieceHashes {
public:
    PieceHashes(
        Engine::State& engine,
        Hosts::Sources sources,
        const PieceOptions& pieces,
        Supervision& supervision)
        : source_(*sources.front()),
          pieces_(pieces),
          supervision_(supervision),
          hosts_(sources),
          lineup_(engine, hosts_, sources) {
        lineup_.limit_staging(memory_available() / 2);
        lineup_.deal(false);
        make_queues();
    }

    std::vector<format::Sha256> run();

private:
    void make_queues();
    awaitable<void> lane(Loop& loop, Seat seat);
    awaitable<void> hash(const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot);
    awaitable<std::span<const std::byte>>
    bring(format::Range range, Reader& reader, Loop& loop, unsigned slot);
    void blank(std::span<std::byte> bytes, std::uint64_t from) const;
    void check(std::size_t piece) const;

    Progress progress() const {
        return {Phase::tensors, bytes_done_, source_.bytes(), pieces_done_, digests_.size()};
    }

    const Source& source_;
    const PieceOptions& pieces_;
    Supervision& supervision_;
    Hosts hosts_;
    Lineup lineup_;
    std::vector<format::Sha256> digests_; ///< each written by one lane
    std::vector<Segment> segments_;       ///< one of each chunk
    std::vector<Chunk> chunks_;
    std::vector<std::unique_ptr<Queue>> queues_;
    HashQueue hashes_;
    std::atomic<std::uint64_t> bytes_done_ = 0;
    std::atomic<std::uint64_t> pieces_done_ = 0;
};

std::vector<format::Sha256> PieceHashes::run() {
    Crew crew;
    const auto make_lane = [this](Loop& loop, Seat seat) { return lane(loop, seat); };
    lineup_.run(queues_, make_lane, crew, supervision_, [this] { return progress(); }, [] {});
    return std::move(digests_);
}

void PieceHashes::make_queues() {
    const std::uint64_t end = source_.bytes();
    const std::uint64_t count = format::manifest_pieces(end, pieces_.piece_bytes);
    if (count > chunks_max)
        throw Error(errc::limit, "more pieces than can be hashed at once");
    assert(pieces_.expected.empty() || pieces_.expected.size() == count);
    digests_.resize(count);
    segments_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t at = i * pieces_.piece_bytes;
        const format::Range body{at, std::min(pieces_.piece_bytes, end - at)};
        // no piece waits for another one: each is an item of its own
        segments_[i] = {i, false, body};
        chunks_.push_back({0, body, std::span(segments_).subspan(i, 1)});
    }
    for (const QueueOptions& queue : lineup_.queues(1))
        queues_.push_back(std::make_unique<Queue>(chunks_, queue));
}

awaitable<void> PieceHashes::lane(Loop& loop, Seat seat) {
    LaneReader reader(hosts_, loop);
    const MayPark may_park = [] { return true; };
    const UseChunk use = [this, &reader, &loop, seat](const Chunk& chunk) {
        return hash(chunk, reader.of(0), loop, seat.index);
    };
    co_await draw_all(*queues_[seat.queue], seat.place, reader, may_park, use);
}

awaitable<void> PieceHashes::hash(const Chunk& chunk, Reader& reader, Loop& loop, unsigned slot) {
    const std::size_t piece = chunk.segments.front().item;
    const std::uint64_t step = lineup_.chunk_bytes();
    format::Sha256Stream stream;
    for (std::uint64_t at = chunk.body.offset; at < chunk.body.end(); at += step) {
        const format::Range range{at, std::min(step, chunk.body.end() - at)};
        const auto bytes = co_await bring(range, reader, loop, slot);
        const bool last = range.end() == chunk.body.end();
        HashTask task;
        task.parts.push_back({&stream, bytes});
        task.bytes = bytes.size();
        task.then = [this, &stream, piece, last](const JobTimes&, double) {
            if (!last)
                return;
            digests_[piece] = stream.finish();
            check(piece);
        };
        co_await hashes_.run(task, loop.workers());
        bytes_done_ += bytes.size();
    }
    ++pieces_done_;
}

/// From its source to the lane's staging. Pieces and steps are multiples of any alignment.
awaitable<std::span<const std::byte>>
PieceHashes::bring(format::Range range, Reader& reader, Loop& loop, unsigned slot) {
    const std::span<std::byte> bytes =
        co_await read_staged(reader, source_, loop, slot, range.offset, range.bytes);
    blank(bytes, range.offset);
    co_return bytes;
}

/// What of `bytes`, which begin at `from` in the file, counts as zeros.
void PieceHashes::blank(std::span<std::byte> bytes, std::uint64_t from) const {
    const std::uint64_t begin = std::max(from, pieces_.zeros.offset);
    const std::uint64_t end = std::min(from + bytes.size(), pieces_.zeros.end());
    if (begin < end)
        std::memset(bytes.data() + (begin - from), 0, end - begin);
}

void PieceHashes::check(std::size_t piece) const {
    if (pieces_.expected.empty() || pieces_.expected[piece] == digests_[piece])
        return;
    throw wrong_piece(piece, digests_.size(), pieces_.piece_bytes);
}

} // namespace

Error wrong_piece(std::uint64_t piece, std::size_t pieces, std::uint64_t piece_bytes) {
    return Error(
        errc::integrity,
        "the SHA-256 of piece " + std::to_string(piece) + " of " + std::to_string(pieces) +
            " is not the one that the manifest lists",
        piece * piece_bytes,
        "the file is damaged or was changed; fetch it again");
}

std::vector<format::Sha256> hash_pieces(
    Engine& engine,
    std::shared_ptr<const Source> source,
    const PieceOptions& pieces,
    const LoadOptions& waiting) {
    assert(source->bytes_known() && pieces.piece_bytes >= format::manifest_piece_bytes_min);
    return about(*source, [&] {
        Engine::State& state = engine.state();
        Supervision supervision(waiting, "check");
        const auto turn = supervision.turn(state.one_load);
        auto digests = PieceHashes(state, Hosts::Sources(&source, 1), pieces, supervision).run();
        source->check_unchanged();
        return digests;
    });
}

} // namespace tz
