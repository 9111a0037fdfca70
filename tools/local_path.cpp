#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/tools/local_path.hpp>

namespace tz::cli {

std::string local_path(const std::string& address) {
    const std::string scheme = scheme_of(address);
    if (scheme.empty())
        return address;
    if (scheme == "file")
        return path_of_file_url(address);
    throw Error(
        errc::usage,
        "manifests are written to files of this machine",
        {},
        "add it to a copy, and upload the copy or its sidecar");
}

bool is_local(const std::string& address) {
    const std::string scheme = scheme_of(address);
    return scheme.empty() || scheme == "file";
}

} // namespace tz::cli
