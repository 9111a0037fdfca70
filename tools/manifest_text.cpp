#include <tz/format/hash.hpp>
#include <tz/tools/manifest_text.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

namespace tz::cli {

namespace {

std::string subject_text(const format::Manifest& manifest) {
    return manifest.subject == format::Subject{} ? "none" : format::hex(manifest.subject);
}

std::string pieces_text(const format::Manifest& manifest) {
    return manifest.piece_bytes == 0
               ? "none"
               : fmt::format("{} of {}", manifest.pieces.size(), size_text(manifest.piece_bytes));
}

} // namespace

const char* signature_name(format::SignatureKind kind) {
    return kind == format::SignatureKind::file_key ? "file-key" : "ed25519";
}

std::string manifest_text(const format::Manifest& manifest) {
    std::string text = fmt::format(
        "root       {}\n"
        "subject    {}\n"
        "file       {} bytes, {} tensors, {} bytes of data\n"
        "headers    {}\n"
        "pieces     {}\n",
        format::hex(manifest.root),
        subject_text(manifest),
        manifest.file_bytes,
        manifest.tensors,
        manifest.data_bytes,
        manifest.headers.empty() ? "not listed" : "listed",
        pieces_text(manifest));
    for (const format::SignatureBlock& block : manifest.signatures)
        text += fmt::format(
            "signature  {} {}\n", signature_name(block.kind), format::hex(block.key_id));
    return text;
}

std::string
manifest_line(const std::string& file, const std::string& place, const format::Manifest& manifest) {
    return fmt::format(
        "{}: manifest {}, root {}{}\n",
        file,
        place,
        format::hex(manifest.root),
        manifest.signatures.empty() ? ", not signed" : "");
}

Json manifest_json(const format::Manifest& manifest) {
    Json json;
    json["root"] = format::hex(manifest.root);
    json["subject"] =
        manifest.subject == format::Subject{} ? Json() : Json(format::hex(manifest.subject));
    json["file_bytes"] = manifest.file_bytes;
    json["tensors"] = manifest.tensors;
    json["data_bytes"] = manifest.data_bytes;
    json["headers_listed"] = !manifest.headers.empty();
    json["piece_bytes"] = manifest.piece_bytes;
    json["pieces"] = manifest.pieces.size();
    json["signatures"] = Json::array();
    for (const format::SignatureBlock& block : manifest.signatures) {
        Json one;
        one["algorithm"] = signature_name(block.kind);
        one["key_id"] = format::hex(block.key_id);
        json["signatures"].push_back(std::move(one));
    }
    return json;
}

} // namespace tz::cli
