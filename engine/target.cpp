#include <tz/engine/target.hpp>

namespace tz {

awaitable<void> Target::sync(Loop& /*loop*/) {
    co_return;
}

} // namespace tz
