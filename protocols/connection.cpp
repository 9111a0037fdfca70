#include <tz/protocols/connection.hpp>
#include <tz/protocols/request_text.hpp>
#include <tz/protocols/tunnel.hpp>
#include <tz/protocols/wire.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

namespace tz {

namespace {

// What one read of a head asks for; the start of a body that comes with it is copied.
constexpr std::size_t head_piece_bytes = 16 << 10;
// Framing that a chunked text may bring beside its bytes.
constexpr std::size_t framing_max = 64 << 10;

} // namespace

struct Connection::State {
    State(Peer peer_, const TransportOptions& options_, asio::ip::tcp::socket socket)
        : peer(std::move(peer_)),
          options(options_),
          wire(std::move(socket), peer.proxy ? peer.proxy_name() : peer.name()) {}

    enum class Framing { none, length, chunks, until_close };

    Peer peer;
    const TransportOptions& options;
    Wire wire;
    std::string bytes; ///< came and not used yet: heads, and what follows them
    std::optional<ReplyParser> parser;
    Framing framing = Framing::none; ///< none: no body is left to read
    std::uint64_t left = 0;          ///< of a body with a length
    std::uint64_t received = 0;
    std::uint64_t served = 0;
    bool keep_alive = true;
    bool repeatable = true; ///< the request under way
    bool answered = false;
    bool sent = false;
    bool whole = true; ///< the body was not cut by read_text

    awaitable<void> start_tls(TlsContext& tls, Clock::time_point end);
    awaitable<void> send(const std::string& text);
    awaitable<ReplyHead> read_head(bool head_request);
    awaitable<bool> read_more();
    awaitable<std::string> read_chunks(std::size_t max);
    awaitable<std::string> read_until_close(std::size_t max);
    awaitable<void> fill(std::span<const std::span<std::byte>> to);
    std::size_t take(std::span<std::byte> to);
    void ended();
    void cut();
    [[noreturn]] void closed_early() const;
    [[noreturn]] void fail(const TransportError& error, TransportStage stage) const;
};

namespace {

/// Closes a connection whose operation does not get to its end.
template <typename State>
class Closing {
public:
    explicit Closing(State& state) : state_(&state) {}

    ~Closing() {
        if (state_)
            state_->wire.close();
    }

    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;

    void dismiss() { state_ = nullptr; }

private:
    State* state_;
};

} // namespace

void Connection::State::fail(const TransportError& error, TransportStage stage) const {
    TransportFault fault = error.fault();
    fault.stage = stage;
    fault.received = received;
    fault.answered = answered;
    fault.reused = served > 0;
    fault.repeatable = repeatable || !sent;
    throw error.with(fault);
}

void Connection::State::closed_early() const {
    TransportFault fault;
    fault.cause = TransportCause::closed_early;
    const std::string server = printable(peer.name());
    if (!answered)
        throw TransportError(
            fault, server + " closed the connection without an answer", "check the server");
    throw TransportError(
        fault,
        server + " closed the connection before the end of its answer",
        "check the server, and what is between");
}

void Connection::State::ended() {
    framing = Framing::none;
    ++served;
    if (!keep_alive || !bytes.empty()) // more than was asked for: of what, nobody can say
        wire.close();
}

/// Nobody wants the rest of the body.
void Connection::State::cut() {
    framing = Framing::none;
    whole = false;
    wire.close();
}

awaitable<void> Connection::State::start_tls(TlsContext& tls, Clock::time_point end) {
    if (peer.proxy) {
        try {
            const Watch::Guard guard = wire.watch().until(end, "no answer in time");
            co_await open_tunnel(wire, peer);
        } catch (const TransportError& error) {
            fail(error, TransportStage::proxy);
        }
        wire.set_name(peer.name());
    }
    try {
        const Watch::Guard guard = wire.watch().until(end, "no TLS in time");
        co_await wire.start_tls(tls, peer.host, peer.port);
    } catch (const TransportError& error) {
        fail(error, TransportStage::tls);
    }
}

awaitable<void> Connection::State::send(const std::string& text) {
    try {
        const Watch::Guard guard =
            wire.watch().within(options.stall_time, "the request was not taken");
        sent = true;
        co_await wire.write(text);
    } catch (const TransportError& error) {
        fail(error, TransportStage::send);
    }
}

/// False where the server has ended.
awaitable<bool> Connection::State::read_more() {
    const std::size_t had = bytes.size();
    bytes.resize(had + head_piece_bytes);
    const std::span<std::byte> space(
        reinterpret_cast<std::byte*>(bytes.data()) + had, head_piece_bytes);
    const std::size_t n = co_await wire.read_some(space);
    bytes.resize(had + n);
    co_return n > 0;
}

awaitable<ReplyHead> Connection::State::read_head(bool head_request) {
    try {
        const Watch::Guard guard = wire.watch().within(options.first_byte_timeout, "no answer");
        ReplyParser::Rules rules;
        rules.head_request = head_request;
        parser.emplace(rules);
        for (;;) {
            if (!co_await read_more())
                closed_early();
            answered = true;
            std::size_t used = 0;
            std::optional<ReplyHead> head = parser->head(bytes, used);
            bytes.erase(0, used);
            if (head)
                co_return std::move(*head);
        }
    } catch (const TransportError& error) {
        fail(error, TransportStage::first_byte);
    }
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

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}

Connection::~Connection() = default;

awaitable<std::unique_ptr<Connection>>
Connection::open(Peer peer, const TransportOptions& options, TlsContext* tls) {
    return open(std::move(peer), options, tls, Clock::time_point::max());
}

awaitable<std::unique_ptr<Connection>> Connection::open(
    Peer peer, const TransportOptions& options, TlsContext* tls, Clock::time_point deadline) {
    const Clock::time_point end = std::min(deadline, Clock::now() + options.connect_timeout);
    asio::ip::tcp::socket socket = co_await connect(peer, options, end);
    auto state = std::make_unique<State>(std::move(peer), options, std::move(socket));
    state->wire.watch().set_deadline(deadline);
    if (state->peer.tls) {
        assert(tls != nullptr);
        co_await state->start_tls(*tls, end);
    }
    co_return std::unique_ptr<Connection>(new Connection(std::move(state)));
}

awaitable<ReplyHead> Connection::exchange(const HttpRequest& request) {
    State& state = *state_;
    assert(state.framing == State::Framing::none);
    const std::string text = request_text(request, state.peer);
    state.repeatable = repeatable(request.method);
    state.answered = false;
    state.sent = false;
    state.whole = true;
    state.received = 0;
    Closing closing(state);
    if (!state.wire.is_open()) // closed by the server, or by us after the last answer
        state.fail(
            TransportError(
                {TransportStage::send, TransportCause::closed_early},
                "the connection with " + printable(state.peer.name()) + " is closed",
                "open another one"),
            TransportStage::send);
    co_await state.send(text);
    ReplyHead head = co_await state.read_head(request.method == "HEAD");
    closing.dismiss();
    state.keep_alive = head.keep_alive;
    state.left = head.length.value_or(0);
    state.framing = head.chunked        ? State::Framing::chunks
                    : !head.length      ? State::Framing::until_close
                    : *head.length == 0 ? State::Framing::none
                                        : State::Framing::length;
    if (state.framing == State::Framing::none)
        state.ended();
    co_return head;
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

std::uint64_t Connection::body_received() const {
    return state_->received;
}

std::uint64_t Connection::body_left() const {
    return state_->framing == State::Framing::length ? state_->left : 0;
}

bool Connection::body_ended() const {
    return state_->framing == State::Framing::none;
}

bool Connection::body_whole() const {
    return body_ended() && state_->whole;
}

bool Connection::reusable() const {
    return state_->framing == State::Framing::none && state_->keep_alive && state_->wire.idle();
}

std::uint64_t Connection::served() const {
    return state_->served;
}

bool Connection::resumed() const {
    return state_->wire.resumed();
}

void Connection::close() {
    state_->wire.close();
}

} // namespace tz
