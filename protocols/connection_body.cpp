// How a Connection reads the bodies of answers.
#include <tz/protocols/connection_state.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace tz {

namespace {

// Framing that a chunked text may bring beside its bytes.
constexpr std::size_t framing_max = 64 << 10;

} // namespace

/// Nobody wants the rest of the body.
void Connection::State::cut() {
    framing = Framing::none;
    whole = false;
    wire.close();
}

/// What has come already.
std::size_t Connection::State::take(std::span<std::byte> to) {
    const std::size_t n = std::min(to.size(), bytes.size());
    if (n == 0)
        return 0; // `to` may be nowhere
    std::memcpy(to.data(), bytes.data(), n);
    bytes.erase(0, n);
    received += n;
    return n;
}

awaitable<void> Connection::State::fill(std::span<const std::span<std::byte>> to) {
    while (!to.empty() && (to.front().empty() || !bytes.empty())) {
        const std::size_t n = take(to.front());
        if (n == to.front().size()) {
            to = to.subspan(1);
            continue;
        }
        // The rest of a span that was begun, then all others.
        const std::array<std::span<std::byte>, 1> rest{to.front().subspan(n)};
        co_await wire.read(rest, received);
        to = to.subspan(1);
    }
    if (!to.empty())
        co_await wire.read(to, received);
}

awaitable<std::string> Connection::State::read_chunks(std::size_t max) {
    std::string text;
    std::size_t raw = bytes.size();
    for (;;) {
        std::size_t used = 0;
        const bool end = parser->chunks(bytes, used, text);
        bytes.erase(0, used);
        received = std::min(text.size(), max);
        if (end && text.size() <= max) {
            ended();
            co_return text;
        }
        if (text.size() > max) {
            text.resize(max);
            cut();
            co_return text;
        }
        const std::size_t had = bytes.size();
        if (!co_await read_more())
            closed_early();
        raw += bytes.size() - had;
        if (raw > 2 * max + framing_max)
            throw TransportError(
                {TransportStage::body, TransportCause::protocol},
                "the chunks of the answer are mostly framing",
                "check the server");
    }
}

awaitable<std::string> Connection::State::read_until_close(std::size_t max) {
    while (bytes.size() <= max && co_await read_more())
        received = std::min(bytes.size(), max);
    std::string text = std::exchange(bytes, std::string());
    received = std::min(text.size(), max);
    if (text.size() > max) {
        text.resize(max);
        cut();
    } else {
        keep_alive = false;
        ended();
    }
    co_return text;
}

awaitable<void> Connection::read_body(std::span<const std::span<std::byte>> to) {
    State& state = *state_;
    std::uint64_t total = 0;
    for (const std::span<std::byte> part : to)
        total += part.size();
    assert(total == 0 || (state.framing == State::Framing::length && total <= state.left));
    if (total == 0)
        co_return;
    const std::uint64_t before = state.received;
    Closing closing(state);
    try {
        const Watch::Guard guard = state.wire.watch().progress(
            state.received, state.options.stall_bytes, state.options.stall_time);
        co_await state.fill(to);
        if (state.received - before < total)
            state.closed_early();
    } catch (const TransportError& error) {
        state.fail(error, TransportStage::body);
    }
    closing.dismiss();
    state.left -= total;
    if (state.left == 0)
        state.ended();
}

awaitable<void> Connection::read_body(std::span<std::byte> to) {
    const std::array<std::span<std::byte>, 1> one{to};
    co_await read_body(std::span<const std::span<std::byte>>(one));
}

awaitable<std::string> Connection::read_text(std::size_t max) {
    State& state = *state_;
    std::string text;
    if (state.framing == State::Framing::none)
        co_return text;
    if (state.framing == State::Framing::length) {
        const bool whole = state.left <= max;
        text.resize(whole ? static_cast<std::size_t>(state.left) : max);
        co_await read_body(std::as_writable_bytes(std::span(text)));
        if (!whole)
            state.cut();
        co_return text;
    }
    Closing closing(state);
    try {
        const Watch::Guard guard = state.wire.watch().progress(
            state.received, state.options.stall_bytes, state.options.stall_time);
        if (state.framing == State::Framing::chunks)
            text = co_await state.read_chunks(max);
        else
            text = co_await state.read_until_close(max);
    } catch (const TransportError& error) {
        state.fail(error, TransportStage::body);
    }
    closing.dismiss();
    co_return text;
}

} // namespace tz
