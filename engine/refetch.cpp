#include <tz/engine/alignment.hpp>
#include <tz/engine/put.hpp>
#include <tz/engine/refetch.hpp>
#include <tz/engine/sink.hpp>

#include <algorithm>
#include <span>

namespace tz {

namespace {

bool is_remote(const Job& job, const Passage& passage) {
    return !job.files[passage.chunk.source].source->host().empty();
}

/// Of a server's object: any place of it, to memory of any alignment. `to` outlives the coroutine.
awaitable<void> read(Passage& passage, std::uint64_t offset, const Buffer& to) {
    const std::span<const Buffer> buffers(&to, 1);
    return read(passage, Route::buffered, offset, buffers, to.bytes.size());
}

/// What the chunks of a tensor went through, in the order of its data, which one lane has now.
void take_again(
    Job& job, const Segment& segment, std::span<std::byte> bytes, Taken& taken, JobTimes& times) {
    job.transform.take_data(segment, bytes, nullptr, taken, times); // nothing sealed comes here
    job.arrivals[segment.item].crc32 ^= taken.crc32;
    std::vector<format::Sha256Part> parts;
    job.transform.list_hashes(segment.item, taken.plain, parts);
    const JobTimes::Scope scope(times, Stage::verify, parts.size() * bytes.size());
    format::sha256_update(parts);
}

/// Of a sealed tensor the MACs have spoken for the data, of others the pieces of a manifest. And
/// its header is parsed once more, for which a lane's staging must do.
bool may_come_again(const Job& job, const Passage& passage, const Item& item, std::size_t room) {
    return is_remote(job, passage) && passage.listed == nullptr && !item.layout->encrypted &&
           item.whole && item.tensor->header.bytes <= room;
}

} // namespace

awaitable<void> fetch_chunk_again(Job& job, Passage& passage, const Error& error) {
    if (!is_remote(job, passage) || passage.refetched > 0)
        throw error;
    ++passage.refetched;
    passage.reader.renew_connection();
    co_await read_chunk(passage);
}

awaitable<void> fetch_piece_again(Job& job, Passage& passage, const DamagedPiece& piece) {
    if (!is_remote(job, passage) || passage.piece == piece.offset)
        throw piece.error;
    passage.piece = piece.offset;
    ++passage.refetched;
    passage.reader.renew_connection();
    const Buffer to{piece.bytes, -1, false};
    co_await read(passage, piece.offset, to);
}

awaitable<void>
fetch_tensor_again(Job& job, Loop& loop, Passage& passage, const DamagedTensor& damaged) {
    const Item& item = job.items[damaged.item];
    const std::span<std::byte> staging = loop.staging(passage.slot);
    if (!may_come_again(job, passage, item, staging.size()))
        throw damaged.error;
    if (job.options.sink && !job.options.sink->restart(damaged.item))
        throw damaged.error;
    ++passage.refetched;
    loop.note_staging(passage.slot);
    passage.reader.renew_connection();

    const std::span<std::byte> header = staging.first(item.tensor->header.bytes);
    const Buffer header_to{header, -1, true};
    co_await read(passage, item.tensor->header.offset, header_to);
    auto parse = [&job, &damaged, header](JobTimes&) {
        job.transform.take_header(damaged.item, header);
    };
    co_await work(loop, passage, parse);
    // where chunks may be cut, which a sink counts on
    const std::uint64_t most =
        round_down(staging.size(), sealed_cut_bytes(job.transform.chunk_bytes));
    for (std::uint64_t at = item.read.offset; at < item.read.end();) {
        const std::uint64_t bytes = std::min<std::uint64_t>(item.read.end() - at, most);
        const std::span<std::byte> part = staging.first(bytes);
        const Buffer part_to{part, -1, true};
        co_await read(passage, at, part_to);
        const Segment segment{damaged.item, false, {at, bytes}};
        Taken taken;
        auto take = [&job, &segment, &taken, part](JobTimes& times) {
            take_again(job, segment, part, taken, times);
        };
        co_await work(loop, passage, take);
        const std::span<const Segment> segments(&segment, 1);
        const std::span<const Taken> its(&taken, 1);
        if (job.options.sink)
            co_await put_segments(job, loop, passage, segments, its);
        at += bytes;
    }
    auto settle = [&job, &damaged](JobTimes&) {
        if (const auto error = job.transform.settle(damaged.item))
            throw Error(*error);
    };
    co_await work(loop, passage, settle);
}

void note_refetches(Job& job, Hosts& hosts, Loop& loop, const Passage& passage) {
    if (passage.refetched == 0)
        return;
    hosts.of(passage.chunk.source).read.refetched += passage.refetched;
    if (!job.refetch_logged.exchange(true))
        loop.log(
            LogLevel::warning,
            job.files[passage.chunk.source].source->name() +
                ": bytes came damaged, and were right when they were fetched once more");
}

} // namespace tz
