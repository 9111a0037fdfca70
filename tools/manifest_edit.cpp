// `tz manifest add` and `strip`: what writes manifests.
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/manifest_make.hpp>
#include <tz/engine/manifest_write.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/signature.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/manifest.hpp>
#include <tz/tools/manifest_session.hpp>
#include <tz/tools/manifest_text.hpp>
#include <tz/tools/secrets.hpp>

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

namespace tz::cli {

namespace {

// Where on this machine the file is.
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
        write_result(fmt::format(
            "{}: manifest {}, root {}{}\n",
            printable(options.file()),
            place,
            format::hex(manifest.root),
            manifest.signatures.empty() ? ", not signed" : ""));
    }
}

} // namespace

int run_manifest_add(const Options& options, const ManifestArguments& arguments) {
    const std::string path = local_path(options.file());
    Signers signers;
    if (!arguments.sign.empty())
        signers.signing_key = read_signing_key_file(arguments.sign);
    ManifestSession session(options);
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
    session.finish();
    const auto bytes = format::write_manifest(manifest);
    if (arguments.sidecar)
        write_sidecar(sidecar_address(path), bytes);
    else
        write_inside(path, found, bytes);
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
