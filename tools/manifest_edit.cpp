// `tz manifest add` and `strip`: what writes manifests.
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/manifest_make.hpp>
#include <tz/engine/manifest_write.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/name.hpp>
#include <tz/format/signature.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/local_path.hpp>
#include <tz/tools/manifest.hpp>
#include <tz/tools/manifest_session.hpp>
#include <tz/tools/manifest_text.hpp>
#include <tz/tools/secrets.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tz::cli {

namespace {

// Who signs.
struct Signers {
    std::shared_ptr<const format::Secret> file_key;
    std::optional<format::SigningKey> signing_key;

    std::vector<format::SignatureKind> kinds() const {
        std::vector<format::SignatureKind> all;
        if (file_key)
            all.push_back(format::SignatureKind::file_key);
        if (signing_key)
            all.push_back(format::SignatureKind::ed25519);
        return all;
    }

    void sign(format::Manifest& manifest) const {
        if (file_key)
            add_signature(manifest, format::sign(manifest.root, *file_key));
        if (signing_key)
            add_signature(manifest, format::sign(manifest.root, *signing_key));
    }
};

// The manifest that is there, if it is one.
std::optional<format::Manifest> earlier_manifest(const FoundManifest& found) {
    if (!found.inside)
        return {};
    try {
        return format::parse_manifest(
            std::span(found.index).subspan(found.inside->offset, found.inside->bytes));
    } catch (const Error&) {
        return {}; // half written, or of another version: it is replaced
    }
}

// That it is the key of the file: nobody could use a signature by another one.
void check_key(
    ManifestSession& session,
    const std::shared_ptr<const Source>& file,
    const format::Layout& layout,
    const std::shared_ptr<const format::Secret>& key) {
    const format::Tensor* smallest = nullptr;
    for (const format::Tensor& tensor : layout.tensors)
        if (tensor.data.bytes > 0 &&
            (smallest == nullptr || tensor.data.bytes < smallest->data.bytes))
            smallest = &tensor;
    if (!key || !layout.encrypted || smallest == nullptr)
        return;
    LoadOptions options = session.waiting();
    options.key = key;
    options.password = nullptr;
    options.memory = Memory::none;
    options.verify = Verify::none;
    options.selection.names = {format::key_name(smallest->name)};
    options.progress = {};
    load(session.engine(), file, options);
}

// What goes inside: without the list of headers where that takes more than there is.
void check_room(
    const std::string& path,
    const FoundManifest& found,
    const std::vector<format::SignatureKind>& kinds,
    ManifestContent& content) {
    const auto& layout = found.layout;
    const std::uint64_t room = format::view_index(found.index, layout).unused().bytes;
    const std::uint64_t pieces = format::manifest_pieces(layout.file_bytes, content.piece_bytes);
    if (format::manifest_bytes(layout.tensors.size(), pieces, kinds) <= room)
        return;
    content.headers = false;
    const std::uint64_t least = format::manifest_bytes(0, pieces, kinds);
    if (least > room)
        throw Error(
            errc::limit,
            fmt::format(
                "the manifest takes {} bytes, and the file has {} free for it in its metadata "
                "region",
                least,
                room),
            {},
            "put it beside the file with --sidecar")
            .in(path);
}

void keep_signatures(const std::optional<format::Manifest>& earlier, format::Manifest& manifest) {
    if (!earlier || earlier->root != manifest.root)
        return;
    for (const format::SignatureBlock& block : earlier->signatures)
        add_signature(manifest, block);
}

void report(const Options& options, const std::string& place, const format::Manifest& manifest) {
    if (options.json) {
        Json json = result("tz-manifest/1");
        json["file"] = printable(options.file());
        json["place"] = place;
        json["manifest"] = manifest_json(manifest);
        write_json(json);
    } else if (!options.quiet) {
        write_result(manifest_line(printable(options.file()), place, manifest));
    }
}

} // namespace

int run_manifest_add(const Options& options, const ManifestArguments& arguments) {
    const std::string path = local_path(options.file());
    ManifestSession session(options);
    Signers signers;
    if (!arguments.sign.empty())
        signers.signing_key = read_signing_key_file(arguments.sign, session.stop());
    const ManifestPlaces places = session.places(path, arguments.sidecar);
    const FoundManifest found = find_place(session.engine(), places.file, session.waiting());
    if (!found.layout.has_headers() && !arguments.sidecar)
        throw Error(
            errc::usage,
            "a safetensors file has no room for a manifest",
            {},
            "put it beside the file with --sidecar")
            .in(path);
    signers.file_key = file_key(session.engine(), places.file, session.waiting());
    check_key(session, places.file, found.layout, signers.file_key);

    ManifestContent content;
    if (found.layout.encrypted && !arguments.pieces)
        content.piece_bytes = 0; // its MACs bind the data
    std::optional<format::Manifest> earlier;
    if (!arguments.sidecar) {
        earlier = earlier_manifest(found);
        check_room(path, found, signers.kinds(), content);
    }
    if (options.subject)
        content.subject = format::subject_of(*options.subject);
    else if (earlier)
        content.subject = earlier->subject;
    format::Manifest manifest =
        make_manifest(session.engine(), places.file, found, content, session.waiting());
    keep_signatures(earlier, manifest);
    signers.sign(manifest);
    const auto bytes = format::write_manifest(manifest);
    if (arguments.sidecar)
        write_sidecar(sidecar_address(path), bytes);
    else
        write_inside(path, found, bytes);
    session.finish();
    report(options, arguments.sidecar ? "sidecar" : "inside", manifest);
    return 0;
}

int run_manifest_strip(const Options& options, const ManifestArguments& arguments) {
    const std::string path = local_path(options.file());
    const std::string sidecar = sidecar_address(path);
    ManifestSession session(options);
    const ManifestPlaces places = session.places(path, false);
    const FoundManifest found = find_place(session.engine(), places.file, session.waiting());
    const bool inside = found.inside && !arguments.sidecar;
    if (inside)
        write_inside(path, found, {});
    else if (sidecar_exists(sidecar))
        remove_sidecar(sidecar);
    else
        throw Error(errc::not_found, "it has no manifest").in(path);
    session.finish();
    if (options.json) {
        Json json = result("tz-manifest/1");
        json["file"] = printable(path);
        json["place"] = inside ? "inside" : "sidecar";
        json["manifest"] = Json();
        write_json(json);
    } else if (!options.quiet) {
        write_result(
            fmt::format("{}: {} removed\n", printable(path), inside ? "manifest" : "sidecar"));
    }
    return 0;
}

} // namespace tz::cli
