// What somebody may have meant who typed a word that nobody knows. Pure.
#pragma once

#include <string>
#include <vector>

namespace tz::cli {

/// The one of `known` with the fewest letters typed wrongly, too much, too little, or in the place
/// of a neighbour; empty where even that is more than a third of them.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

} // namespace tz::cli
