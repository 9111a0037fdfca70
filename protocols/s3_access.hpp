// How an object in S3 is reached: its endpoint, whom it trusts, and who signs. Readers and uploads
// begin with it.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/s3_asker.hpp>
#include <tz/protocols/transport.hpp>
#include <tz/protocols/url.hpp>

#include <memory>
#include <string>

namespace tz {

struct S3Access {
    std::string name; ///< for people, without secrets
    Url url;          ///< of the object, before any server was asked
    std::shared_ptr<Transport> transport;
    std::unique_ptr<S3Asker> asker;
};

/// Reads settings from the environment and files, and asks nobody: credentials are searched for by
/// the first request. Throws `tz::Error`.
S3Access s3_access(S3Name name, const NetworkOptions& network, const Log& log);

} // namespace tz
