// From the name of something to load, whatever it is, to its Source.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>

#include <memory>
#include <string>

namespace tz {

class Source;

/// `uri` is a path, or file://, http://, https:// or s3://BUCKET/KEY[?versionId=ID]. A file is
/// opened here and now, and `direct` goes for it; a remote object is first asked for by a load, but
/// what `network` names, files of certificates for example, is read here. `log` hears of what is
/// unsafe: certificates that are not verified, objects whose change can't be noticed. Throws
/// `tz::Error`.
std::shared_ptr<Source> open(
    const std::string& uri,
    const NetworkOptions& network = {},
    Direct direct = Direct::automatic,
    Log log = {});

} // namespace tz
