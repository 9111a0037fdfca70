#include <tz/tools/nearest.hpp>

#include <algorithm>
#include <cstddef>

namespace tz::cli {

namespace {

// Longer words are nobody's slip, and would take long.
constexpr std::size_t word_max = 64;

/// Edits from one to the other; two neighbours that changed places are one.
std::size_t edits(const std::string& from, const std::string& to) {
    std::vector<std::vector<std::size_t>> least(
        from.size() + 1, std::vector<std::size_t>(to.size() + 1));
    for (std::size_t i = 0; i <= from.size(); ++i)
        for (std::size_t j = 0; j <= to.size(); ++j) {
            if (i == 0 || j == 0) {
                least[i][j] = i + j;
                continue;
            }
            const std::size_t wrong = from[i - 1] == to[j - 1] ? 0 : 1;
            least[i][j] =
                std::min({least[i - 1][j - 1] + wrong, least[i - 1][j] + 1, least[i][j - 1] + 1});
            const bool swapped =
                i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if (swapped)
                least[i][j] = std::min(least[i][j], least[i - 2][j - 2] + 1);
        }
    return least[from.size()][to.size()];
}

} // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
    if (word.size() > word_max)
        return "";
    std::string best;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& one : known) {
        const std::size_t count = edits(word, one);
        if (count >= fewest)
            continue;
        fewest = count;
        best = one;
    }
    return best;
}

} // namespace tz::cli
