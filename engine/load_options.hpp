// What the options of a load mean together.
#pragma once

#include <tz/engine/options.hpp>

#include <cstddef>

namespace tz {

/// Throws `tz::Error` (errc::usage) for what can't hold together.
void check_options(const LoadOptions& options, std::size_t sources);

/// With everything in them that follows from the rest.
LoadOptions effective(LoadOptions options);

/// Whether something is hashed that must come in the order of its tensor.
bool hashes_in_order(const LoadOptions& options);

} // namespace tz
