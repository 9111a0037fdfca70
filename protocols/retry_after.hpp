// How long an answer asks to wait.
#pragma once

#include <chrono>
#include <optional>

namespace tz {

struct ReplyHead;

/// What the answer has as Retry-After, seen from its own Date, or else from this machine's clock.
std::optional<std::chrono::seconds> retry_after_of(const ReplyHead& head);

} // namespace tz
