#include <tz/engine/start_thread.hpp>

#include <utility>

namespace tz {

std::thread start_thread(std::function<void()> body) {
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& refusal) {
        throw no_more_threads(refusal);
    }
}

Error no_more_threads(const std::system_error& refusal, const std::string& hint_more) {
    return Error(
        errc::limit,
        std::string("no more threads can be started: ") + refusal.what(),
        {},
        "raise the limit of processes (ulimit -u)" + hint_more);
}

} // namespace tz
