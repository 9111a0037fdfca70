// `tz verify --model-signature`: a folder against its OpenSSF model signature.
#pragma once

#include <tz/tools/options.hpp>

#include <string>

namespace tz::cli {

struct ModelSignatureArguments {
    std::string signature;  ///< path of the bundle; empty: not asked for
    std::string public_key; ///< path of the PEM
};

int run_model_signature(const Options& options, const ModelSignatureArguments& arguments);

} // namespace tz::cli
