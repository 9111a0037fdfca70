// The part of a file that samples load, where the whole would take too long. Pure.
#pragma once

#include <tz/engine/selection.hpp>
#include <tz/format/layout.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tz::bench {

struct Part {
    std::vector<std::string> include; ///< patterns, as in Selection
    std::vector<std::string> exclude;
    std::uint64_t bytes_max = 0; ///< 0: no such limit

    bool all() const { return include.empty() && exclude.empty() && bytes_max == 0; }
};

/// The tensors from the first on that match and fit; at least one, of which only the first rows
/// where it alone is too large. Throws `tz::Error` (errc::not_found) where none matches.
Selection choose_part(const format::Layout& layout, const Part& part);

} // namespace tz::bench
