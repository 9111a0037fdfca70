// Recognises what people give us in place of a file of tensors, for a message that helps.
#pragma once

#include <cstddef>
#include <span>

namespace tz::format {

/// What a file seems to be, and what to do about it.
struct Guess {
    const char* what;
    const char* hint;
};

/// Goes by the first bytes of a file; `what` is null where nothing fits.
Guess guess_format(std::span<const std::byte> start);

} // namespace tz::format
