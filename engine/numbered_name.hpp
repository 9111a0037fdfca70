// Names of files that belong together, with a place for their number: "model-%03d.tensors", as
// vLLM's tensor-parallel shards are named. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace tz {

class NumberedName {
public:
    /// Nothing where `name` has no "%0Nd", N from 1 to 9, or more than one. A folder can't have it.
    static std::optional<NumberedName> parse(const std::string& name);

    /// The name of file `number`, with as many digits as were asked for, or more.
    std::string with(std::size_t number) const;

private:
    NumberedName(std::string before, std::string after, std::size_t digits);

    std::string before_;
    std::string after_;
    std::size_t digits_;
};

} // namespace tz
