// load() for programs that use Boost.Asio: an asynchronous operation with a completion token. The
// one public header that includes Asio.
#pragma once

// tz::engine holds Asio's compiled sources. All that includes Asio in one program should agree on
// that: the CMake target and pkg-config give these definitions to whoever uses them. (What uses
// asio::ssl besides compiles <boost/asio/ssl/impl/src.hpp> in one of its own files.)
#if !defined(BOOST_ASIO_SEPARATE_COMPILATION) || !defined(BOOST_ASIO_NO_DEPRECATED)
#error "define BOOST_ASIO_SEPARATE_COMPILATION and BOOST_ASIO_NO_DEPRECATED, as tz::engine does"
#endif

#include <tz/engine/load.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>

#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace tz {

using LoadSignature = void(std::exception_ptr, Loaded);
using LoadFilesSignature = void(std::exception_ptr, LoadedFiles);

/// What async_load() does once it knows its handler.
void start_load(
    Engine& engine,
    std::shared_ptr<const Source> source,
    LoadOptions options,
    boost::asio::any_completion_handler<LoadSignature> handler);
void start_load(
    Engine& engine,
    std::vector<std::shared_ptr<const Source>> sources,
    LoadOptions options,
    boost::asio::any_completion_handler<LoadFilesSignature> handler);

/// Loads like load(), without blocking: the load waits on a thread of the engine, one for each
/// load in progress, and that is the thread its callbacks run on (`progress`, `deliver`,
/// `destination`, `wanted`). They must not destroy the engine, nor must a handler whose executor
/// runs it in place.
///
/// Completes on the executor associated with the handler (one of Asio's system threads if there is
/// none), never inside async_load(), with what load() would throw or return. The executor has
/// outstanding work until then, and its context must outlive the load. The callbacks and the source
/// are let go before.
///
/// A cancellation of any type on the handler's slot stops the load, as `LoadOptions::stop` does;
/// it then completes with errc::cancelled, once every read has ended. What was delivered or put in
/// the caller's memory stays.
///
/// Loads on one engine run one after another. Destroying the engine waits for them; stop them first
/// where that should be soon.
template <boost::asio::completion_token_for<LoadSignature> Token>
auto async_load(
    Engine& engine, std::shared_ptr<const Source> source, LoadOptions options, Token&& token) {
    auto start = [&engine](auto handler, std::shared_ptr<const Source> from, LoadOptions how) {
        start_load(engine, std::move(from), std::move(how), std::move(handler));
    };
    return boost::asio::async_initiate<Token, LoadSignature>(
        start, token, std::move(source), std::move(options));
}

/// The same for several files at once.
template <boost::asio::completion_token_for<LoadFilesSignature> Token>
auto async_load(
    Engine& engine,
    std::vector<std::shared_ptr<const Source>> sources,
    LoadOptions options,
    Token&& token) {
    auto start =
        [&engine](auto handler, std::vector<std::shared_ptr<const Source>> from, LoadOptions how) {
            start_load(engine, std::move(from), std::move(how), std::move(handler));
        };
    return boost::asio::async_initiate<Token, LoadFilesSignature>(
        start, token, std::move(sources), std::move(options));
}

} // namespace tz
