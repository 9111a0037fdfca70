// From the name of something to write to its Target.
#pragma once

#include <tz/engine/make_target.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>

namespace tz {

/// Makes the target of a path, file:// or s3://BUCKET/KEY. What has the name already is replaced,
/// or refused (errc::usage), as `existing` says. `network` goes for servers; `log` as with open().
MakeTarget open_target(NetworkOptions network, Existing existing, Log log = {});

} // namespace tz
