#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/http.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/s3.hpp>

#include <utility>

namespace tz {

std::shared_ptr<Source>
open(const std::string& uri, const NetworkOptions& network, Direct direct, Log log) {
    const std::string scheme = scheme_of(uri);
    if (scheme.empty())
        return open_file(uri, direct);
    if (scheme == "file")
        return open_file(path_of_file_url(uri), direct);
    if (scheme == "http" || scheme == "https")
        return open_http(uri, network, std::move(log));
    if (scheme == "s3")
        return open_s3("s3" + uri.substr(scheme.size()), network, std::move(log));
    throw Error(
        errc::usage,
        printable(scheme) + ":// is not supported",
        {},
        "give a path, or a URL that begins with file://, http://, https:// or s3://");
}

} // namespace tz
