#include <tz/protocols/number_search.hpp>

namespace tz {

void NumberSearch::note(bool there) {
    if (!there && !missing_)
        missing_ = asked_;
    else if (there && missing_ && !beyond_gap_)
        beyond_gap_ = asked_;
    ++asked_;
}

} // namespace tz
