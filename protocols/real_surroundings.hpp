// The world as it is, for the search for S3's settings and credentials.
#pragma once

#include <tz/protocols/surroundings.hpp>

#include <memory>

namespace tz {

class Transport;

/// The process's environment, its files, and HTTP by way of `transport`.
Surroundings real_surroundings(std::shared_ptr<Transport> transport);

} // namespace tz
