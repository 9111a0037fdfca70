#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/tools/local_path.hpp>

#include <filesystem>
#include <system_error>

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

void check_single_file(const std::string& address) {
    std::error_code ignored;
    if (is_local(address) && std::filesystem::is_directory(local_path(address), ignored))
        throw Error(
            errc::usage,
            "this is a folder, and single files are copied",
            {},
            "give them one by one, or use `tz convert " + printable(address) + " out.tensors`")
            .in(printable(address));
}

} // namespace tz::cli
