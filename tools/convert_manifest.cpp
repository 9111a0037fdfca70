#include <tz/engine/manifest_make.hpp>
#include <tz/engine/manifest_write.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/safetensors_write.hpp>
#include <tz/format/signature.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/convert_manifest.hpp>
#include <tz/tools/local_path.hpp>
#include <tz/tools/manifest_text.hpp>
#include <tz/tools/secrets.hpp>
#include <tz/tools/uri_text.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace tz::cli {

namespace {

bool stands_beside(const std::string& file) {
    try {
        return is_local(file) && sidecar_exists(sidecar_address(local_path(file)));
    } catch (const Error&) {
        return false; // something else, which is not ours to speak of
    }
}

void check_free(const std::string& sidecar, bool force) {
    if (sidecar_exists(sidecar) && !force)
        throw Error(errc::usage, "the file exists", {}, "--force replaces it").in(sidecar);
}

} // namespace

std::optional<ManifestWish>
manifest_wish(const ConvertArguments& arguments, const std::stop_token& stop) {
    if (!arguments.manifest)
        return {};
    ManifestWish wish;
    if (arguments.subject)
        wish.subject = format::subject_of(*arguments.subject);
    if (!arguments.sign.empty())
        wish.signing_key =
            std::make_shared<const format::SigningKey>(read_signing_key_file(arguments.sign, stop));
    return wish;
}

Sidecars::Sidecars(const ConvertArguments& arguments, const ManifestWish* wish)
    : arguments_(arguments),
      wish_(wish) {
    if (wish_ != nullptr && !is_local(arguments.destination))
        throw Error(
            errc::usage,
            "manifests beside safetensors files are written on this machine only",
            {},
            "convert to a file here, and upload it and its .manifest")
            .in(printable(without_secrets(arguments.destination)));
}

/// The list of shards is no file of tensors.
bool Sidecars::wanted_for(const std::string& file) const {
    return wish_ != nullptr && file != format::shard_list_name(arguments_.destination);
}

MakeTarget Sidecars::checked(MakeTarget make_target) const {
    return [this, make_target = std::move(make_target)](const std::string& file) {
        if (wanted_for(file))
            check_free(sidecar_address(local_path(file)), arguments_.force);
        return make_target(file);
    };
}

std::vector<WrittenManifest> Sidecars::write(
    Engine& engine,
    const Options& options,
    const Converted& converted,
    const LoadOptions& waiting) const {
    std::vector<WrittenManifest> written;
    for (const std::string& file : converted.files) {
        if (!wanted_for(file))
            continue;
        const std::string path = local_path(file);
        const auto source = open(path, options.network, options.direct);
        const FoundManifest found = find_place(engine, source, waiting);
        ManifestContent content;
        content.subject = wish_->subject;
        format::Manifest manifest = make_manifest(engine, source, found, content, waiting);
        if (wish_->signing_key)
            add_signature(manifest, format::sign(manifest.root, *wish_->signing_key));
        write_sidecar(sidecar_address(path), format::write_manifest(manifest));
        written.push_back({file, true, std::move(manifest)});
    }
    return written;
}

std::vector<WrittenManifest> manifests_inside(const Converted& converted) {
    std::vector<WrittenManifest> written;
    written.reserve(converted.manifests.size());
    for (std::size_t i = 0; i < converted.manifests.size(); ++i)
        written.push_back({converted.files[i], false, converted.manifests[i]});
    return written;
}

void warn_of_stale(
    const Converted& converted, const std::vector<WrittenManifest>& written, const Log& log) {
    for (const std::string& file : converted.files) {
        const bool ours = std::ranges::any_of(
            written, [&file](const auto& each) { return each.sidecar && each.file == file; });
        if (!ours && stands_beside(file))
            log(LogLevel::warning,
                printable(sidecar_address(file)) +
                    " was made for an earlier file; `tz manifest strip --sidecar` removes it");
    }
}

Json to_json(const WrittenManifest& written) {
    Json json;
    json["file"] = printable(without_secrets(written.file));
    json["place"] = written.sidecar ? "sidecar" : "inside";
    json["manifest"] = manifest_json(written.manifest);
    return json;
}

std::string to_text(const WrittenManifest& written) {
    return manifest_line(
        printable(without_secrets(written.file)),
        written.sidecar ? "sidecar" : "inside",
        written.manifest);
}

} // namespace tz::cli
