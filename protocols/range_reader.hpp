// Reads ranges of an object over HTTP for one lane: asks, takes the answer's body straight to where
// it belongs, and after a failure asks for what is missing, as often as makes sense.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/engine/reader.hpp>
#include <tz/protocols/asker.hpp>
#include <tz/protocols/connection_pool.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/protocols/range_reply.hpp>
#include <tz/protocols/retry.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace tz {

class RangeReader final : public Reader {
public:
    RangeReader(const HttpSource& source, Loop& loop, ReadCounters& counters);

    awaitable<std::size_t> begin(std::span<std::byte> first) override;
    bool retarget(const Source& source) override;

    awaitable<std::optional<format::Checksum>> checksum() override;

    void renew_connection() override { renew_ = true; }

    Route route(std::uint64_t, std::size_t) override { return Route::buffered; }

    awaitable<void>
    read(Route route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) override;

private:
    struct Transfer;
    struct Attempt;
    struct Twice;
    struct EndOfFirst;

    awaitable<void> transfer(Transfer& transfer);
    awaitable<void> attempt(Transfer& transfer, Attempt& attempt);
    awaitable<void> ask(Transfer& transfer, Attempt& attempt);
    awaitable<void> connect(Transfer& transfer, Attempt& attempt);
    awaitable<void> open(const Place& place, ConnectionPool::Lease& lease);
    awaitable<void> exchange(Attempt& attempt);
    awaitable<void> send_first(Twice& twice);
    awaitable<void> send_again(Twice& twice);
    awaitable<void> connect_again(Twice& twice);
    void reserve(Transfer& transfer);
    awaitable<void> take_answer(Transfer& transfer, Attempt& attempt);
    bool leave_range_out(Transfer& transfer, const ReplyHead& head) const;
    awaitable<void> read_refusal(Attempt& attempt);
    void learn(const Attempt& attempt, const RangeBody& body) const;
    awaitable<std::optional<ReplyHead>> ask_for_checksum();
    awaitable<void> take_body(Transfer& transfer, Attempt& attempt, const RangeBody& body);
    awaitable<void> skip(Attempt& attempt, std::uint64_t bytes);
    awaitable<void> recover(Transfer& transfer, Attempt& attempt);
    awaitable<void> wait(std::chrono::milliseconds time);
    bool look_elsewhere(Transfer& transfer, const Attempt& attempt) const;
    void refuse(const Refusal& refusal, Attempt& attempt) const;
    void note_received(Transfer& transfer, Attempt& attempt) const;
    [[noreturn]] void
    give_up(const Transfer& transfer, const Attempt& attempt, Problem problem) const;

    const HttpSource* source_;
    Loop& loop_;
    ReadCounters& counters_;
    std::shared_ptr<Transport> transport_; ///< of the connections
    ConnectionPool::Member member_;
    bool renew_ = false; ///< before the next read
    std::minstd_rand random_{std::random_device{}()};
};

} // namespace tz
