#include <tz/engine/cleared_slot.hpp>
#include <tz/protocols/range_reader.hpp>
#include <tz/protocols/range_transfer.hpp>
#include <tz/protocols/retry_after.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tz {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How often bytes are counted: a pacer looks every half second, a slow connection brings this much
// in some of them.
constexpr std::size_t count_bytes = 1 << 20;

/// One more read that waits, in its scope.
class Waiting {
public:
    explicit Waiting(ReadCounters& counters) : counters_(counters) { ++counters_.waiting; }

    ~Waiting() { --counters_.waiting; }

    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

private:
    ReadCounters& counters_;
};

/// S3 may say 200 and put an error into the body; no file of tensors is that small a text.
bool may_be_late_error(const ReplyHead& head) {
    const auto type = head.find("content-type");
    return head.status == 200 && !head.find("content-range") && type &&
           type->find("xml") != type->npos && (!head.length || *head.length <= s3_error_bytes_max);
}

} // namespace

bool is_object(unsigned status) {
    return status == 200 || status == 206;
}

RangeReader::RangeReader(const HttpSource& source, Loop& loop, ReadCounters& counters)
    : source_(&source),
      loop_(loop),
      counters_(counters),
      transport_(source.transport()),
      member_(transport_->pool(loop)) {}

bool RangeReader::retarget(const Source& source) {
    const auto* other = dynamic_cast<const HttpSource*>(&source);
    if (other == nullptr || other->transport() != transport_)
        return false;
    source_ = other;
    return true;
}

awaitable<std::size_t> RangeReader::begin(std::span<std::byte> first) {
    Transfer begun(*source_, 0);
    begun.to.push_back(first);
    begun.bytes = first.size();
    co_await transfer(begun);
    co_return static_cast<std::size_t>(begun.bytes);
}

awaitable<void>
RangeReader::read(Route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) {
    if (need == 0)
        co_return;
    Transfer whole(*source_, offset);
    whole.renew = std::exchange(renew_, false);
    if (!whole.renew)
        reserve(whole);
    co_await touch_fresh(loop_, to, counters_);
    const Waiting waiting(counters_);
    for (const Buffer& buffer : to)
        whole.to.push_back(buffer.bytes);
    whole.bytes = need;
    co_await transfer(whole);
    if (whole.done < need)
        throw Error(errc::object_changed, "the object ends", offset + whole.done, "load it again");
}

awaitable<void> RangeReader::transfer(Transfer& transfer) {
    while (transfer.done < transfer.bytes) {
        Attempt one;
        const auto begun = Clock::now();
        co_await attempt(transfer, one);
        source_->requests().ended(one.range, one.outcome, Clock::now() - begun);
        if (one.moved)
            continue;
        if (transfer.done >= transfer.bytes) {
            source_->budget().give_back();
            break;
        }
        if (look_elsewhere(transfer, one))
            continue;
        co_await recover(transfer, one);
    }
}

awaitable<void> RangeReader::attempt(Transfer& transfer, Attempt& attempt) {
    attempt.begin = transfer.done;
    attempt.range = transfer.range();
    try {
        co_await ask(transfer, attempt);
    } catch (const TransportError& error) {
        attempt.outcome.fault = error.fault();
        attempt.outcome.problem = Problem{error.kind(), error.reason(), error.hint()};
        if (attempt.lease && attempt.lease->connection)
            note_received(transfer, attempt);
    }
    attempt.outcome.bytes_gained = transfer.done - attempt.begin;
}

awaitable<void> RangeReader::ask(Transfer& transfer, Attempt& attempt) {
    Asker& asker = source_->asker();
    attempt.place = transfer.place ? *transfer.place : asker.start();
    attempt.question =
        co_await asker.question(loop_, attempt.place, attempt.range, source_->identity());
    co_await connect(transfer, attempt);
    const auto asked = Clock::now();
    co_await exchange(attempt);
    attempt.latency = Clock::now() - asked;
    attempt.answered = true;
    attempt.lease->answered();
    transfer.fruitless = 0;
    co_await take_answer(transfer, attempt);
}

awaitable<void> RangeReader::connect(Transfer& transfer, Attempt& attempt) {
    const std::string way = way_to(attempt.place);
    attempt.lease = std::move(transfer.reserved);
    if (attempt.lease && transfer.reserved_way == way && attempt.lease->connection->reusable())
        co_return;
    attempt.lease = std::make_unique<ConnectionPool::Lease>(member_.pool(), way);
    co_await member_.pool().take(*attempt.lease, source_->retry().total_max);
    // it is closed for that, since a server may bear no more of them
    if (std::exchange(transfer.renew, false))
        attempt.lease->connection.reset();
    if (!attempt.lease->connection) {
        attempt.fresh = true;
        ++transfer.fruitless;
        co_await open(attempt.place, *attempt.lease);
    }
}

/// A connection that waits goes to who comes first, not to whose memory is ready first: the first
/// chunks bring the first tensors.
void RangeReader::reserve(Transfer& transfer) {
    transfer.reserved_way = way_to(source_->asker().start());
    auto lease = std::make_unique<ConnectionPool::Lease>(member_.pool(), transfer.reserved_way);
    if (ConnectionPool::take_idle(*lease))
        transfer.reserved = std::move(lease);
}

awaitable<void> RangeReader::open(const Place& place, ConnectionPool::Lease& lease) {
    lease.connection = co_await open_connection(loop_, *transport_, place, transport_->options());
    ++counters_.connections;
}

awaitable<void> RangeReader::take_answer(Transfer& transfer, Attempt& attempt) {
    const ReplyHead& head = attempt.head;
    Outcome& outcome = attempt.outcome;
    outcome.status = head.status;
    if (!is_object(head.status) || may_be_late_error(head)) {
        co_await read_refusal(attempt);
        transfer.place = source_->asker().moved(attempt.place, head, attempt.text);
        attempt.moved = transfer.place.has_value() || leave_range_out(transfer, head);
        if (attempt.moved)
            co_return;
        if (attempt.error)
            outcome.s3 = attempt.error->kind;
    }
    if (is_throttling(head.status, outcome.s3))
        ++counters_.throttles;
    outcome.has_date = head.find("date").has_value();
    outcome.retry_after = retry_after_of(head);
    const std::uint64_t left = transfer.bytes - transfer.done;
    const RangeRequest asked{transfer.offset + transfer.done, left, source_->identity()};
    const auto verdict = judge_reply(asked, head, outcome.s3);
    if (const auto* refusal = std::get_if<Refusal>(&verdict))
        refuse(*refusal, attempt);
    else
        co_await take_body(transfer, attempt, std::get<RangeBody>(verdict));
}

/// Whether the object may be empty, and is asked for once more without a range.
bool RangeReader::leave_range_out(Transfer& transfer, const ReplyHead& head) const {
    const bool first = transfer.offset == 0 && transfer.done == 0 && !source_->identity();
    if (head.status != 416 || head.find("content-range") || !first || transfer.unranged)
        return false;
    transfer.unranged = true;
    return true;
}

/// The text of an answer that is no object, or might be none.
awaitable<void> RangeReader::read_refusal(Attempt& attempt) {
    try {
        attempt.text = co_await attempt.connection().read_text(s3_error_bytes_max);
    } catch (const TransportError&) {
        if (is_object(attempt.head.status))
            throw;
        // the status says enough
    }
    attempt.error = s3_error(attempt.text);
}

void RangeReader::refuse(const Refusal& refusal, Attempt& attempt) const {
    Outcome& outcome = attempt.outcome;
    outcome.problem = refusal.problem;
    const bool gone = outcome.status == 404 || outcome.status == 410;
    if (gone && source_->identity() != nullptr)
        outcome.problem = {
            errc::object_changed,
            "the object was removed during the load (status " + std::to_string(outcome.status) +
                ")",
            "load it again"};
    source_->asker().explain(outcome.problem, attempt.error);
    if (refusal.protocol) {
        outcome.fault = TransportFault{TransportStage::body, TransportCause::protocol};
        outcome.fault->answered = true;
    }
    if (refusal.protocol || !attempt.connection().body_ended())
        attempt.lease->connection.reset();
}

void RangeReader::learn(const Attempt& attempt, const RangeBody& body) const {
    if (source_->identity() != nullptr)
        return source_->learn(body.identity);
    const bool whole = body.skip + body.bytes + body.rest == body.identity.bytes;
    source_->learn(body.identity, checksum_of(header_lookup(attempt.head), whole));
    source_->learn_latency(attempt.latency);
}

awaitable<void>
RangeReader::take_body(Transfer& transfer, Attempt& attempt, const RangeBody& body) {
    learn(attempt, body);
    source_->asker().found(attempt.place);
    const std::uint64_t end = std::max(body.identity.bytes, transfer.offset);
    transfer.bytes = std::min(transfer.bytes, end - transfer.offset);
    const std::uint64_t most = std::min(body.bytes, transfer.bytes - transfer.done);
    std::vector<std::span<std::byte>> parts;
    if (!attempt.text.empty()) { // it looked like an error, and is the object
        const auto text = std::as_bytes(std::span(attempt.text));
        transfer.next(most, parts);
        std::size_t from = static_cast<std::size_t>(body.skip);
        for (const std::span<std::byte> part : parts) {
            std::ranges::copy(text.subspan(from, part.size()), part.begin());
            from += part.size();
        }
        transfer.done += most;
        counters_.bytes += most;
        co_return;
    }
    attempt.taking = true;
    attempt.skipped = body.skip;
    co_await skip(attempt, body.skip);
    const std::uint64_t until = transfer.done + most;
    while (transfer.done < until) {
        transfer.next(std::min<std::uint64_t>(count_bytes, until - transfer.done), parts);
        co_await attempt.connection().read_body(parts);
        note_received(transfer, attempt);
    }
    if (!attempt.connection().body_ended())
        attempt.lease->connection.reset(); // the rest is more than a new connection costs
    attempt.outcome.part = transfer.done < transfer.bytes;
    if (attempt.outcome.part)
        attempt.outcome.problem = {
            errc::transport,
            "the server sends less than it is asked for",
            "check the server, and what is between"};
}

awaitable<void> RangeReader::skip(Attempt& attempt, std::uint64_t bytes) {
    std::vector<std::byte> nowhere(std::min<std::uint64_t>(bytes, 64 << 10));
    while (bytes > 0) {
        const auto part = std::span(nowhere).first(std::min<std::uint64_t>(bytes, nowhere.size()));
        co_await attempt.connection().read_body(part);
        bytes -= part.size();
    }
}

/// What has come of the body so far is where it belongs.
void RangeReader::note_received(Transfer& transfer, Attempt& attempt) const {
    const std::uint64_t received = attempt.connection().body_received();
    if (!attempt.taking || received <= attempt.skipped)
        return;
    const std::uint64_t done = attempt.begin + received - attempt.skipped;
    if (done <= transfer.done)
        return;
    counters_.bytes += done - transfer.done;
    transfer.done = done;
}

/// A place that was redirected to can end sooner than the one that led there.
bool RangeReader::look_elsewhere(Transfer& transfer, const Attempt& attempt) const {
    constexpr unsigned elsewhere_max = 2;
    const unsigned status = attempt.outcome.status;
    const bool ended = status == 401 || status == 403 || status == 404 || status == 410;
    const bool lost = attempt.outcome.fault && attempt.outcome.bytes_gained == 0 &&
                      !attempt.outcome.fault->stale();
    if ((!ended && !lost) || transfer.elsewhere >= elsewhere_max ||
        !source_->asker().forget(attempt.place))
        return false;
    ++transfer.elsewhere;
    transfer.place.reset();
    ++counters_.retries;
    return true;
}

/// Returns when it is time for the next attempt, or throws.
awaitable<void> RangeReader::recover(Transfer& transfer, Attempt& attempt) {
    const Outcome& outcome = attempt.outcome;
    const double random = std::generate_canonical<double, 32>(random_);
    Decision decision = transfer.retry.decide(outcome, Clock::now(), random);
    if (decision.next == Next::refresh_credentials) {
        const bool other = co_await source_->asker().renew(loop_, attempt.question.generation);
        if (!other) // once more the same, which is given up
            decision = transfer.retry.decide(outcome, Clock::now(), random);
    } else if (decision.next == Next::correct_clock) {
        source_->asker().correct_clock(attempt.head);
    }
    if (decision.next == Next::give_up)
        give_up(transfer, attempt, decision.problem);
    ++counters_.retries;
    // Others are answered while a new connection is not: the server bears no more of them.
    if (outcome.fault && attempt.fresh && !attempt.answered && attempt.lease) {
        const bool waited = outcome.fault->cause == TransportCause::timed_out;
        if ((waited || transfer.fruitless >= 2) && attempt.lease->crowded_out())
            decision.delay = milliseconds(0);
    }
    source_->requests().again(attempt.range, outcome, transfer.retry, decision);
    if (decision.new_connection && attempt.lease)
        attempt.lease->connection.reset();
    attempt.lease.reset();
    if (decision.delay.count() > 0)
        co_await wait(decision.delay);
}

awaitable<void> RangeReader::wait(milliseconds time) {
    asio::steady_timer timer(loop_.context(), time);
    const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
    co_await timer.async_wait(use_awaitable);
}

void RangeReader::give_up(const Transfer& transfer, const Attempt& attempt, Problem problem) const {
    if (attempt.place.foreign)
        problem.reason +=
            ", at " + printable(attempt.place.url.authority()) + ", where the server redirects to";
    // where nothing came at all it is no matter of a byte
    std::optional<std::uint64_t> offset = transfer.offset + transfer.done;
    if (offset == 0 || problem.kind == errc::not_found || problem.kind == errc::denied)
        offset.reset();
    throw Error(problem.kind, std::move(problem.reason), offset, std::move(problem.hint));
}

} // namespace tz
