#include <tz/protocols/address.hpp>
#include <tz/tools/early_end.hpp>

namespace tz::cli {

namespace {

const char* what_may_hold(const std::string& destination) {
    if (scheme_of(destination) == "s3")
        return "the system holds a read of a file, or the server does not answer; parts of an "
               "upload may be left: `tz uploads` lists and aborts them";
    return "the system holds a read or a write of a file, which nothing can take back; look at the "
           "disk or the server of the file system";
}

} // namespace

EarlyEnd::EarlyEnd(std::optional<Deadline::Duration> longest, const std::string& destination)
    : deadline_(longest, what_may_hold(destination)) {}

} // namespace tz::cli
