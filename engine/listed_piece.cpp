#include <tz/engine/listed_piece.hpp>
#include <tz/engine/load_options.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/piece_hashes.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tz {

namespace {

format::Range overlap(format::Range a, format::Range b) {
    const std::uint64_t begin = std::max(a.offset, b.offset);
    const std::uint64_t end = std::min(a.end(), b.end());
    return {begin, end > begin ? end - begin : 0};
}

} // namespace

ListedPiece::ListedPiece(const Job& job, const Chunk& first)
    : manifest_(*manifest_of(job.options, first.source)),
      first_(first) {
    through_.reserve(first.piece_chunks);
}

bool ListedPiece::has_zeros(const Chunk& chunk) const {
    return overlap(chunk.body, manifest_.unused).bytes > 0;
}

void ListedPiece::hash(const Chunk& chunk, std::span<const std::byte> bytes, JobTimes& times) {
    static constexpr std::array<std::byte, 64 << 10> zeros{};
    const JobTimes::Scope scope(times, Stage::verify, bytes.size());
    const format::Range unused = overlap(chunk.body, manifest_.unused);
    stream_.update(bytes.first(unused.offset - chunk.body.offset));
    for (std::uint64_t left = unused.bytes; left > 0;) {
        const auto size = std::min<std::uint64_t>(left, zeros.size());
        stream_.update(std::span(zeros).first(size));
        left -= size;
    }
    stream_.update(bytes.subspan(unused.end() - chunk.body.offset));
}

bool ListedPiece::add(const Chunk& chunk, std::vector<Taken> taken) {
    through_.push_back({&chunk, std::move(taken)});
    return through_.size() == first_.piece_chunks;
}

std::optional<Error> ListedPiece::settle() {
    const format::Manifest& manifest = manifest_.manifest;
    const std::uint64_t piece = first_.body.offset / manifest.piece_bytes;
    if (stream_.finish() == manifest.pieces[piece])
        return {};
    return wrong_piece(piece, manifest.pieces.size(), manifest.piece_bytes);
}

std::span<const std::byte> body_bytes(const Job& job, const Passage& passage) {
    const Chunk& chunk = passage.chunk;
    if (passage.placement.in_place)
        return passage.placement.bytes_of(job, chunk.segments.back());
    return passage.placement.staging.subspan(
        chunk.body.offset - passage.placement.offset, chunk.body.bytes);
}

bool is_one_segment(const Chunk& chunk) {
    return !chunk.segments.empty() && chunk.segments.back().range == chunk.body;
}

} // namespace tz
