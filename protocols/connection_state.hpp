// What a Connection keeps, for its own sources alone.
#pragma once

#include <tz/protocols/connection.hpp>
#include <tz/protocols/wire.hpp>

#include <optional>
#include <string>
#include <utility>

namespace tz {

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
    bool whole = true;         ///< the body was not cut by read_text
    bool whole_request = true; ///< its payload was sent to the end

    awaitable<void> start_tls(TlsContext& tls, Clock::time_point end);
    awaitable<void> send(const HttpRequest& request, const std::string& text);
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

/// Closes a connection whose operation does not get to its end.
class Connection::Closing {
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

} // namespace tz
