// A command of `tz`, declared.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tz::cli {

struct Command {
    CLI::App* app; ///< its own, with its options
    std::function<int()> run;
};

} // namespace tz::cli
