// Tables of damaged files and the errors they must lead to.
#pragma once

#include "made_file.hpp"

#include <functional>
#include <vector>

namespace tz::test {

/// One way to damage a file, and what must be said of it.
struct Damage {
    const char* name;
    errc kind;
    const char* text;
    std::function<void(MadeFile&)> change;
};

inline void expect_refused(const MadeFile& whole, const std::vector<Damage>& damages) {
    for (const Damage& damage : damages) {
        SCOPED_TRACE(damage.name);
        MadeFile file = whole;
        damage.change(file);
        expect_file_error(damage.kind, damage.text, [&] { parse_all(file.bytes); });
    }
}

} // namespace tz::test
