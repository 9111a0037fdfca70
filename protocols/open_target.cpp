#include <tz/engine/file_target.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/open_target.hpp>
#include <tz/protocols/s3_upload.hpp>

#include <utility>

namespace tz {

MakeTarget open_target(NetworkOptions network, Existing existing, Log log) {
    return [network = std::move(network), existing, log = std::move(log)](
               const std::string& uri) -> std::shared_ptr<Target> {
        const std::string scheme = scheme_of(uri);
        if (scheme.empty())
            return file_target(uri, existing);
        if (scheme == "file")
            return file_target(path_of_file_url(uri), existing);
        if (scheme == "s3")
            return s3_target("s3" + uri.substr(scheme.size()), network, existing, log);
        throw Error(
            errc::usage,
            printable(scheme) + ":// can't be written to",
            {},
            "give a path or s3://BUCKET/KEY");
    };
}

} // namespace tz
