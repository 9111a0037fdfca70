// The commands of `tz manifest`.
#pragma once

#include <tz/tools/options.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tz::cli {

/// What they are told beside the shared options.
struct ManifestArguments {
    std::string sign;     ///< private key to sign with
    bool sidecar = false; ///< beside the file, not in it
    bool pieces = false;  ///< hashes of pieces for encrypted files too
};

int run_manifest_add(const Options& options, const ManifestArguments& arguments);
int run_manifest_show(const Options& options, const ManifestArguments& arguments);
int run_manifest_strip(const Options& options, const ManifestArguments& arguments);
int run_manifest_verify(const Options& options, const ManifestArguments& arguments);

/// Declares `tz manifest`. What each command is, and what runs it; both arguments outlive that.
std::vector<std::pair<CLI::App*, std::function<int()>>>
add_manifest_commands(CLI::App& app, Options& options, ManifestArguments& arguments);

} // namespace tz::cli
