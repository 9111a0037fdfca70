#include <tz/protocols/connection_state.hpp>
#include <tz/protocols/request_text.hpp>
#include <tz/protocols/tunnel.hpp>

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
    if (!whole_request && !answered)
        throw TransportError(
            fault,
            server + " closed the connection before it had the whole request",
            "check the server, and what is between");
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

awaitable<void> Connection::State::send(const HttpRequest& request, const std::string& text) {
    try {
        {
            const Watch::Guard guard =
                wire.watch().within(options.stall_time, "the request was not taken");
            sent = true;
            co_await wire.write(text);
        }
        if (request.payload.empty())
            co_return;
        std::uint64_t taken = 0;
        const Watch::Guard guard =
            wire.watch().sending(taken, options.stall_bytes, options.stall_time);
        whole_request = co_await wire.send(request.payload, taken);
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
    state.whole_request = true;
    state.received = 0;
    Closing closing(state);
    if (!state.wire.is_open()) // closed by the server, or by us after the last answer
        state.fail(
            TransportError(
                {TransportStage::send, TransportCause::closed_early},
                "the connection with " + printable(state.peer.name()) + " is closed",
                "open another one"),
            TransportStage::send);
    co_await state.send(request, text);
    ReplyHead head = co_await state.read_head(request.method == "HEAD");
    closing.dismiss();
    state.keep_alive = head.keep_alive && state.whole_request;
    state.left = head.length.value_or(0);
    state.framing = head.chunked        ? State::Framing::chunks
                    : !head.length      ? State::Framing::until_close
                    : *head.length == 0 ? State::Framing::none
                                        : State::Framing::length;
    if (state.framing == State::Framing::none)
        state.ended();
    co_return head;
}

std::uint64_t Connection::body_received() const {
    return state_->received;
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

void Connection::end_by(Clock::time_point deadline) {
    state_->wire.watch().set_deadline(deadline);
}

void Connection::close() {
    state_->wire.close();
}

} // namespace tz
