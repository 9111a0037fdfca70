// How many files there are whose names differ in a number alone, where nobody can list them. Pure.
#pragma once

#include <cstddef>
#include <optional>

namespace tz {

/// Looked for beyond the last one that is there: a file that is missing between others is then
/// noticed, and not taken for the end.
inline constexpr std::size_t numbers_ahead = 8;

/// Such files are one for each GPU; and a server that has something for every name must end
/// somewhere.
inline constexpr std::size_t numbered_files_max = 4096;

/// Is told of number after number, from 0 on, whether there is a file, until it knows enough.
class NumberSearch {
public:
    void note(bool there);

    /// Files 0 to count() - 1 are there.
    std::size_t count() const { return missing_.value_or(asked_); }

    /// The number of a file that is there though count() is missing.
    std::optional<std::size_t> beyond_gap() const { return beyond_gap_; }

    bool too_many() const { return count() > numbered_files_max; }

    bool ended() const { return beyond_gap_ || too_many() || asked_ >= count() + numbers_ahead; }

    /// The number to be told of next.
    std::size_t asked() const { return asked_; }

private:
    std::size_t asked_ = 0;
    std::optional<std::size_t> missing_; ///< the first
    std::optional<std::size_t> beyond_gap_;
};

} // namespace tz
