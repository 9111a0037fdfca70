#include <tz/format/appender.hpp>
#include <tz/format/cursor.hpp>
#include <tz/format/manifest.hpp>
#include <tz/format/manifest_parts.hpp>

#include <algorithm>
#include <bit>
#include <cassert>
#include <compare>
#include <string>

namespace tz::format {

namespace {

constexpr std::uint64_t block_head_bytes = 2 + 2 + sizeof(Sha256);
// Magic, fixed fields, root, the number of header digests, and the number of signatures.
constexpr std::uint64_t manifest_bytes_min =
    manifest_magic.size() + manifest_fixed_bytes + sizeof(Sha256) + 8 + 2 + manifest_end_bytes;

constexpr const char* newer_hint = "it is damaged, or made by a newer release; update this one";

Sha256 read_digest(Cursor& in, const char* field) {
    Sha256 digest;
    const auto bytes = in.take(digest.size(), field);
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
}

/// A list whose length is not to be believed yet.
std::vector<Sha256> read_digests(Cursor& in, std::uint64_t count, const char* field) {
    if (count > in.remaining() / sizeof(Sha256))
        in.fail(
            std::to_string(count) + " of " + field + " don't fit into the " +
            std::to_string(in.remaining()) + " bytes that are left of it");
    std::vector<Sha256> digests;
    digests.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
        digests.push_back(read_digest(in, field));
    return digests;
}

void check_algorithms(Cursor& in) {
    std::uint64_t at = in.at();
    const auto version = in.read<std::uint16_t>("the version");
    if (version != manifest_version)
        in.fail(
            "version " + std::to_string(version) + " of manifests is not known",
            at,
            errc::unsupported,
            newer_hint);
    at = in.at();
    const auto hash = in.read<std::uint16_t>("the hash algorithm");
    if (hash != manifest_hash_sha256)
        in.fail(
            "hash algorithm " + std::to_string(hash) + " of manifests is not known",
            at,
            errc::auth,
            newer_hint);
}

void check_pieces(const Cursor& in, const Manifest& manifest, std::uint64_t count) {
    const std::uint64_t bytes = manifest.piece_bytes;
    const bool sound =
        bytes == 0 || (std::has_single_bit(bytes) && bytes >= manifest_piece_bytes_min &&
                       bytes <= manifest_piece_bytes_max);
    if (!sound)
        in.fail("pieces of " + std::to_string(bytes) + " bytes are not allowed");
    const std::uint64_t expected = manifest_pieces(manifest.file_bytes, bytes);
    if (count != expected)
        in.fail(
            "it lists " + std::to_string(count) + " pieces where the file has " +
            std::to_string(expected));
}

SignatureBlock read_block(Cursor& in) {
    const std::uint64_t at = in.at();
    const auto kind = in.read<std::uint16_t>("a signature's algorithm");
    if (kind != 1 && kind != 2)
        in.fail(
            "signature algorithm " + std::to_string(kind) + " is not known",
            at,
            errc::auth,
            newer_hint);
    SignatureBlock block;
    block.kind = static_cast<SignatureKind>(kind);
    const auto length = in.read<std::uint16_t>("a signature's length");
    if (length != sizeof(Sha256) + signature_bytes(block.kind))
        in.fail("a signature of " + std::to_string(length) + " bytes is not of its algorithm", at);
    block.key_id = read_digest(in, "a signature's key");
    const auto signature = in.take(signature_bytes(block.kind), "a signature");
    block.signature.assign(signature.begin(), signature.end());
    return block;
}

bool ascends(const SignatureBlock& first, const SignatureBlock& second) {
    if (first.kind != second.kind)
        return first.kind < second.kind;
    return first.key_id < second.key_id;
}

void read_signatures(Cursor& in, Manifest& manifest) {
    const std::uint64_t at = in.at();
    const auto count = in.read<std::uint16_t>("the number of signatures");
    if (count > signatures_max)
        in.fail(
            std::to_string(count) + " signatures are more than the " +
                std::to_string(signatures_max) + " that a manifest may have",
            at);
    for (std::uint16_t i = 0; i < count; ++i) {
        const std::uint64_t block_at = in.at();
        manifest.signatures.push_back(read_block(in));
        const auto& all = manifest.signatures;
        if (i > 0 && !ascends(all[i - 1], all[i]))
            in.fail("its signatures are not in their order, or one stands twice", block_at);
    }
}

/// What frames the manifest: magic at both ends, and its length.
Cursor framed(std::span<const std::byte> bytes, std::uint64_t at) {
    Cursor in(bytes, at, "the manifest");
    if (bytes.size() < manifest_bytes_min)
        in.fail("the manifest has " + std::to_string(bytes.size()) + " bytes, too few for any");
    Cursor body = in.part(bytes.size() - manifest_end_bytes, "the manifest");
    const std::uint64_t length_at = in.at();
    const auto length = in.read<std::uint32_t>("its length");
    const bool ends = in.text(manifest_magic.size(), "its end") == manifest_magic;
    const bool begins = body.text(manifest_magic.size(), "its magic") == manifest_magic;
    if (!begins || !ends)
        in.fail(
            "this is no whole manifest", at, errc::format, "make it anew with `tz manifest add`");
    if (length != bytes.size())
        in.fail(
            "the manifest says that it has " + std::to_string(length) + " bytes, and has " +
                std::to_string(bytes.size()),
            length_at);
    return body;
}

} // namespace

std::size_t signature_bytes(SignatureKind kind) {
    return kind == SignatureKind::ed25519 ? 64 : 32;
}

std::uint64_t manifest_pieces(std::uint64_t file_bytes, std::uint64_t piece_bytes) {
    return piece_bytes == 0 ? 0 : file_bytes / piece_bytes + (file_bytes % piece_bytes != 0);
}

std::uint64_t manifest_bytes(
    std::uint64_t headers, std::uint64_t pieces, std::span<const SignatureKind> signatures) {
    std::uint64_t bytes = manifest_bytes_min + (headers + pieces) * sizeof(Sha256);
    for (const SignatureKind kind : signatures)
        bytes += block_head_bytes + signature_bytes(kind);
    return bytes;
}

Manifest parse_manifest(std::span<const std::byte> bytes, std::uint64_t at) {
    Cursor in = framed(bytes, at);
    check_algorithms(in);
    Manifest manifest;
    manifest.file_bytes = in.read<std::uint64_t>("the file's size");
    const std::uint64_t tensors_at = in.at();
    manifest.tensors = in.read<std::uint64_t>("the number of tensors");
    manifest.data_bytes = in.read<std::uint64_t>("the sum of data bytes");
    manifest.subject = read_digest(in, "the subject");
    manifest.piece_bytes = in.read<std::uint64_t>("the size of pieces");
    const auto pieces = in.read<std::uint64_t>("the number of pieces");
    check_pieces(in, manifest, pieces);
    manifest.root = read_digest(in, "the root");
    if (manifest.tensors > tensors_max)
        in.fail(
            std::to_string(manifest.tensors) + " tensors are more than a file may have",
            tensors_at);
    const auto headers = in.read<std::uint64_t>("the number of headers");
    if (headers != 0 && headers != manifest.tensors)
        in.fail(
            "it lists " + std::to_string(headers) + " tensor headers of a file of " +
            std::to_string(manifest.tensors) + " tensors");
    manifest.headers = read_digests(in, headers, "the tensor headers");
    manifest.pieces = read_digests(in, pieces, "the pieces");
    read_signatures(in, manifest);
    if (in.remaining() != 0)
        in.fail(std::to_string(in.remaining()) + " bytes too many in the manifest");
    return manifest;
}

void append_manifest_fixed(Appender& out, const Manifest& manifest) {
    out.integer<std::uint16_t>(manifest_version);
    out.integer<std::uint16_t>(manifest_hash_sha256);
    out.integer<std::uint64_t>(manifest.file_bytes);
    out.integer<std::uint64_t>(manifest.tensors);
    out.integer<std::uint64_t>(manifest.data_bytes);
    out.bytes(manifest.subject);
    out.integer<std::uint64_t>(manifest.piece_bytes);
    out.integer<std::uint64_t>(manifest.pieces.size());
}

std::vector<std::byte> write_manifest(const Manifest& manifest) {
    std::vector<SignatureKind> kinds;
    for (const SignatureBlock& block : manifest.signatures)
        kinds.push_back(block.kind);
    const std::uint64_t bytes =
        manifest_bytes(manifest.headers.size(), manifest.pieces.size(), kinds);
    if (bytes > manifest_bytes_max)
        throw Error(
            errc::limit,
            "the manifest would have " + std::to_string(bytes) + " bytes, the limit is " +
                std::to_string(manifest_bytes_max),
            {},
            "split the file");
    Appender out;
    out.reserve(bytes);
    out.text(manifest_magic);
    append_manifest_fixed(out, manifest);
    out.bytes(manifest.root);
    out.integer<std::uint64_t>(manifest.headers.size());
    for (const Sha256& digest : manifest.headers)
        out.bytes(digest);
    for (const Sha256& digest : manifest.pieces)
        out.bytes(digest);
    out.integer<std::uint16_t>(static_cast<std::uint16_t>(manifest.signatures.size()));
    for (const SignatureBlock& block : manifest.signatures) {
        assert(block.signature.size() == signature_bytes(block.kind));
        out.integer<std::uint16_t>(static_cast<std::uint16_t>(block.kind));
        out.integer<std::uint16_t>(
            static_cast<std::uint16_t>(sizeof(Sha256) + block.signature.size()));
        out.bytes(block.key_id);
        out.bytes(block.signature);
    }
    out.integer<std::uint32_t>(static_cast<std::uint32_t>(bytes));
    out.text(manifest_magic);
    assert(out.size() == bytes);
    return out.finish();
}

} // namespace tz::format
