// What an S3 request would be made with, for people: names and places, never values.
#pragma once

#include <tz/protocols/network.hpp>

#include <string>

namespace tz::cli {

/// Empty where it isn't known; `failure` says why.
struct S3Facts {
    std::string endpoint; ///< a URL
    std::string endpoint_source;
    std::string region;
    std::string region_source;
    std::string credentials; ///< the place that has them
    bool asks = false;       ///< they are to be had by asking there, which was not done
    std::string failure;
};

/// Looks at options, environment and files, and asks nobody.
S3Facts s3_facts(const S3Options& options);

} // namespace tz::cli
