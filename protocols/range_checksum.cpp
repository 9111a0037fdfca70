// What readers of ranges ask beside them: the checksum of the whole object.
#include <tz/protocols/range_transfer.hpp>

#include <utility>

namespace tz {

/// Not worth more than a second try: without a checksum the object is as good as most are.
awaitable<std::optional<format::Checksum>> RangeReader::checksum() {
    constexpr unsigned tries_max = 2;
    std::optional<format::Checksum> sum = source_->checksum();
    const Identity* pinned = source_->identity();
    for (unsigned tries = 0; !sum && pinned != nullptr && tries < tries_max; ++tries) {
        counters_.retries += tries > 0 ? 1 : 0;
        try {
            const std::optional<ReplyHead> head = co_await ask_for_checksum();
            if (head && head->status >= 500)
                continue;
            if (!head || head->status != 200)
                break;
            const HeaderLookup headers = header_lookup(*head);
            if (!difference(*pinned, identity_of(headers, pinned->bytes)))
                sum = checksum_of(headers, true);
            break;
        } catch (const TransportError&) {
            continue;
        }
    }
    co_return sum;
}

/// Nothing where a request would tell no more than the first one did.
awaitable<std::optional<ReplyHead>> RangeReader::ask_for_checksum() {
    std::optional<ReplyHead> head;
    Attempt attempt;
    attempt.place = source_->asker().start();
    auto question =
        co_await source_->asker().checksum_question(loop_, attempt.place, *source_->identity());
    if (!question)
        co_return head;
    attempt.question = std::move(*question);
    Transfer transfer(*source_, 0);
    co_await connect(transfer, attempt);
    ++counters_.requests;
    head = co_await attempt.connection().exchange(attempt.question.request);
    attempt.lease->answered();
    co_return head;
}

} // namespace tz
