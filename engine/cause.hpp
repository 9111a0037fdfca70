// Errors of a load: whose they are, and what is behind them.
#pragma once

#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>

#include <new>

namespace tz {

/// The error with the name of the source; or that the source was written to, where that explains
/// bytes that fit nothing.
Error cause_of(const Error& error, const Source& source);

/// Runs `body`, whose errors are about `source` unless they name another one.
template <typename Body>
auto about(const Source& source, Body body) {
    try {
        return body();
    } catch (const Error& error) {
        if (!error.source().empty())
            throw; // as what it is
        throw cause_of(error, source);
    } catch (const std::bad_alloc&) {
        throw Error(errc::limit, "out of memory").in(source.name());
    }
}

} // namespace tz
