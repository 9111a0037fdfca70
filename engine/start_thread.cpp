#include <tz/engine/start_thread.hpp>

#include <utility>

namespace tz {

std::thread start_thread(std::function<void()> body, const std::string& purpose) {
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& refusal) {
        throw no_more_threads(refusal, "", purpose);
    }
}

Error no_more_threads(
    const std::system_error& refusal, const std::string& hint_more, const std::string& purpose) {
    return Error(
        errc::limit,
        "no more threads can be started" + (purpose.empty() ? "" : " " + purpose) + ": " +
            refusal.what(),
        {},
        "raise the limit of processes (ulimit -u)" + hint_more);
}

} // namespace tz
