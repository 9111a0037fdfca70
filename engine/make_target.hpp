// How a save comes by its targets, for who names them only. What a Target does is in target.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace tz {

class Target;

/// Makes the target of a path or URI; throws `tz::Error` where there can't be one.
using MakeTarget = std::function<std::shared_ptr<Target>(const std::string& name)>;

} // namespace tz
