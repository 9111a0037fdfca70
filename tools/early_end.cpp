#include <tz/protocols/address.hpp>
#include <tz/tools/early_end.hpp>

namespace tz::cli {

namespace {

/// What can end does so within it: a load, and an upload with its abort.
constexpr std::chrono::seconds grace(2);

} // namespace

Deadline::Held what_may_hold(const std::string& destination) {
    if (scheme_of(destination) == "s3")
        return {
            grace,
            "the system holds a read of a file, or the server does not answer; parts of an upload "
            "may be left: `tz uploads` lists and aborts them"};
    return {
        grace,
        "the system holds a read or a write, which nothing can take back, or nobody writes into a "
        "pipe; look at the disk, the server of the file system, or the pipe"};
}

EarlyEnd::EarlyEnd(std::optional<Deadline::Duration> longest, const std::string& destination)
    : deadline_(longest, what_may_hold(destination)) {}

} // namespace tz::cli
