#include <tz/format/error.hpp>
#include <tz/tools/temporary_folder.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace tz::bench {

namespace {

std::string usual_parent() {
    // not /tmp: that lives in memory on many systems, and then nothing is ever cold
    const char* set = std::getenv("TMPDIR");
    return set && *set ? set : "/var/tmp";
}

} // namespace

TemporaryFolder::TemporaryFolder(const std::string& parent)
    : path_((parent.empty() ? usual_parent() : parent) + "/tz-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr)
        throw Error(
            errc::io,
            fmt::format("cannot make a folder: {}", std::strerror(errno)),
            {},
            parent.empty() ? "set TMPDIR to a folder that can be written"
                           : "give a folder that exists and can be written")
            .in(path_);
}

TemporaryFolder::~TemporaryFolder() {
    if (kept_)
        return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace tz::bench
