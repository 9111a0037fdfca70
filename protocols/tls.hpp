// What all TLS connections of a load share: whom to trust, who we are, sessions to resume.
#pragma once

#include <tz/protocols/network.hpp>

#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace tz {

/// Thread-safe. Outlives the connections that use it.
class TlsContext {
public:
    /// Reads files, for some ten milliseconds: not on a loop. Throws `tz::Error` (errc::usage)
    /// where roots, certificate or key can't be used.
    explicit TlsContext(const TransportOptions& options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* native() const;
    bool insecure() const;

    /// Lets `ssl` resume the last session with `server` ("host:port"), if there is one. What the
    /// server grants on it is kept; `server` stays where it is as long as `ssl`.
    void resume(ssl_st* ssl, const std::string& server);

    /// How many servers' sessions are kept.
    std::size_t sessions() const;

private:
    struct State;

    std::unique_ptr<State> state_;
};

} // namespace tz
