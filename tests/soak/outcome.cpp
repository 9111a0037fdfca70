#include "outcome.hpp"

#include <array>

namespace tz::soak {

const char* name_of(Verdict verdict) {
    constexpr std::array names = {"fine", "wrong", "unexpected", "late", "left"};
    static_assert(names.size() == verdicts);
    return names[static_cast<std::size_t>(verdict)];
}

Judgement
judge(const Expectation& expected, const Outcome& outcome, std::chrono::milliseconds late) {
    if (!outcome.wrong.empty())
        return {Verdict::wrong, outcome.wrong};
    if (!outcome.left.empty())
        return {Verdict::left, outcome.left};
    if (!outcome.untyped.empty())
        return {Verdict::unexpected, "an error that is no tz::Error: " + outcome.untyped};
    if (outcome.error && !expected.errors.contains(*outcome.error))
        return {
            Verdict::unexpected,
            std::string("an error that may not come (") + name_of(*outcome.error) +
                "): " + outcome.what};
    if (!outcome.error && !expected.right)
        return {Verdict::wrong, "no error, where there must be one"};
    if (outcome.took > late)
        return {
            Verdict::late,
            std::to_string(outcome.took.count()) + " ms, of " + std::to_string(late.count())};
    return {};
}

} // namespace tz::soak
