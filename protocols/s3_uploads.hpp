// Multipart uploads that nobody has completed or aborted: a process that was killed leaves them,
// and stores keep their parts, at a price, until they are aborted.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/protocols/network.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace tz {

class Engine;

/// More than anybody looks at; a list that a server never ends must end here.
inline constexpr std::size_t uploads_listed_max = 100'000;

/// Those of `uri`, s3://BUCKET or s3://BUCKET/PREFIX, in the server's order. Blocks. Throws
/// `tz::Error`, errc::limit for more than `uploads_listed_max`.
std::vector<UnfinishedUpload> unfinished_uploads(
    Engine& engine,
    const std::string& uri,
    const NetworkOptions& network,
    std::stop_token stop = {},
    Log log = {});

/// Aborts these uploads of the bucket of `uri`, one after the other; those that are gone already
/// are no error. Calls `done` after each, on a loop's thread. Blocks. Throws the first `tz::Error`.
void abort_uploads(
    Engine& engine,
    const std::string& uri,
    const std::vector<UnfinishedUpload>& uploads,
    const NetworkOptions& network,
    std::stop_token stop = {},
    const std::function<void(const UnfinishedUpload&)>& done = {},
    Log log = {});

} // namespace tz
