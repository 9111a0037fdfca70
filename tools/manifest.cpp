// `tz manifest show` and `verify`: what reads manifests.
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/manifest.hpp>
#include <tz/tools/manifest_session.hpp>
#include <tz/tools/manifest_text.hpp>
#include <tz/tools/requirement.hpp>

#include <fmt/format.h>

#include <string>
#include <vector>

namespace tz::cli {

namespace {

[[noreturn]] void no_manifest(const Source& file) {
    throw Error(
        errc::auth, "it has no manifest", {}, "make one with `tz manifest add` where you trust it")
        .in(file.name());
}

// Who vouches for the file, as far as the requirement shows.
std::string trust_text(const format::Requirement& requirement) {
    using Kind = format::Requirement::Kind;
    switch (requirement.kind) {
    case Kind::none:
        return "nobody's signature was required";
    case Kind::file_key:
        return "signed with the file's key";
    case Kind::public_key:
        return "signed with the given key";
    case Kind::root:
        return "the root is the given one";
    }
    return "";
}

std::string checked_text(const CheckedManifest& checked) {
    if (checked.pieces_checked)
        return fmt::format("{} pieces", checked.manifest.pieces.size());
    return fmt::format(
        "{} tensor headers, no data; it is bound by their {}",
        checked.headers.size(),
        checked.layout.encrypted ? "MACs" : "hashes");
}

Json to_json(const std::string& name, const CheckedManifest& checked) {
    Json json;
    json["file"] = name;
    json["place"] = checked.sidecar ? "sidecar" : "inside";
    json["headers_checked"] = checked.headers_checked;
    json["pieces_checked"] = checked.pieces_checked;
    json["manifest"] = manifest_json(checked.manifest);
    return json;
}

} // namespace

int run_manifest_show(const Options& options, const ManifestArguments& arguments) {
    ManifestSession session(options);
    const ManifestPlaces places = session.places(options.file(), arguments.sidecar);
    const FoundManifest found = find_manifest(session.engine(), places, session.waiting());
    if (!found.manifest)
        no_manifest(*places.file);
    session.finish();
    if (options.json) {
        Json json = result("tz-manifest/1");
        json["file"] = printable(places.file->name());
        json["place"] = found.sidecar ? "sidecar" : "inside";
        json["manifest"] = manifest_json(*found.manifest);
        write_json(json);
    } else {
        write_result(
            fmt::format("place      {}\n", found.sidecar ? "sidecar" : "inside the file") +
            manifest_text(*found.manifest));
    }
    return 0;
}

int run_manifest_verify(const Options& options, const ManifestArguments& arguments) {
    ManifestSession session(options);
    ManifestOptions wanted;
    wanted.require = read_requirement(options.require, options.subject, session.stop());
    std::string lines;
    Json files = Json::array();
    for (const std::string& address : options.files) {
        const ManifestPlaces places = session.places(address, arguments.sidecar);
        wanted.waiting = session.waiting();
        const auto checked = check_manifest(session.engine(), places, wanted);
        if (!checked)
            no_manifest(*places.file);
        const std::string name = printable(places.file->name());
        lines += fmt::format(
            "{}: OK ({}; {})\n", name, trust_text(wanted.require), checked_text(*checked));
        files.push_back(to_json(name, *checked));
    }
    session.finish();
    if (options.json) {
        Json json = result("tz-manifest-verify/1");
        json["ok"] = true;
        json["required"] = options.require;
        json["files"] = std::move(files);
        write_json(json);
    } else if (!options.quiet) {
        write_result(lines);
    }
    return 0;
}

} // namespace tz::cli
