// For targets that take whole parts only: collects what is written until a part is whole.
#pragma once

#include <tz/engine/target.hpp>

#include <memory>

namespace tz {

/// `target` itself where it takes any range. Else its parts are copied together in memory, and
/// written by who brings the last byte of each: at most two parts for each write under way, one for
/// each tensor whose header comes last, and one for each file whose manifest does.
std::shared_ptr<Target> any_range(std::shared_ptr<Target> target, std::uint64_t bytes);

} // namespace tz
