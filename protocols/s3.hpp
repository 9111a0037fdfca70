// Objects in S3 as Sources.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>

#include <memory>
#include <string>

namespace tz {

class Source;

/// `uri` is s3://BUCKET/KEY[?versionId=ID]. Reads settings from the environment and files, and asks
/// nothing yet: credentials are searched for by the first load. Throws `tz::Error`.
std::shared_ptr<Source>
open_s3(const std::string& uri, const NetworkOptions& network = {}, Log log = {});

} // namespace tz
