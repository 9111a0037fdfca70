// The manifests of files that `tz convert` and its kin write: inside of `.tensors` files, which the
// engine sees to, and beside safetensors files.
#pragma once

#include <tz/engine/convert.hpp>
#include <tz/engine/make_target.hpp>
#include <tz/engine/manifest_wish.hpp>
#include <tz/format/manifest.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tz::cli {

/// What the user asks for; reads the key to sign with, until `stop`. Throws `tz::Error`.
std::optional<ManifestWish>
manifest_wish(const ConvertArguments& arguments, const std::stop_token& stop);

/// The manifest of one file.
struct WrittenManifest {
    std::string file;
    bool sidecar = false;
    format::Manifest manifest;
};

/// The sidecars of a conversion to safetensors files of this machine. Outlives what it returns.
class Sidecars {
public:
    /// Null for no manifests. Throws `tz::Error` (errc::usage) where they would be elsewhere.
    Sidecars(const ConvertArguments& arguments, const ManifestWish* wish);

    /// Refuses the target of a file beside which a manifest is already (unless it may be replaced),
    /// or something else.
    MakeTarget checked(MakeTarget make_target) const;

    /// Reads the new files once more, and writes what they need. Of `waiting`, `deadline`, `stop`
    /// and `progress` count.
    std::vector<WrittenManifest> write(
        Engine& engine,
        const Options& options,
        const Converted& converted,
        const LoadOptions& waiting) const;

private:
    bool wanted_for(const std::string& file) const;

    const ConvertArguments& arguments_;
    const ManifestWish* wish_;
};

/// Those that the engine put into the files.
std::vector<WrittenManifest> manifests_inside(const Converted& converted);

/// Says which manifests beside the new files are of the files that stood there before.
void warn_of_stale(
    const Converted& converted, const std::vector<WrittenManifest>& written, const Log& log);

Json to_json(const WrittenManifest& written);
std::string to_text(const WrittenManifest& written);

} // namespace tz::cli
