#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/requirement.hpp>

#include <algorithm>
#include <string>

namespace tz::format {

namespace {

[[noreturn]] void refuse(const char* problem, const char* hint) {
    throw Error(errc::auth, problem, {}, hint);
}

constexpr const char* replaced_hint = "the file or its manifest was replaced; don't trust it";

const SignatureBlock*
find_block(const Manifest& manifest, SignatureKind kind, const Sha256* key_id) {
    const auto block = std::ranges::find_if(manifest.signatures, [&](const SignatureBlock& one) {
        return one.kind == kind && (key_id == nullptr || one.key_id == *key_id);
    });
    return block == manifest.signatures.end() ? nullptr : &*block;
}

/// Whoever has `key` has signed the manifest.
template <typename Key>
void check_signature(const Manifest& manifest, SignatureKind kind, const Key& key) {
    const bool by_file_key = kind == SignatureKind::file_key;
    if (find_block(manifest, kind, nullptr) == nullptr)
        refuse(
            by_file_key ? "its manifest is not signed with the file's key"
                        : "its manifest has no Ed25519 signature",
            "ask who made the file for one that is signed");
    const Sha256 key_id = key_id_of(key);
    const SignatureBlock* block = find_block(manifest, kind, &key_id);
    if (block == nullptr)
        refuse("its manifest is signed with another key", "give the right key, or don't trust it");
    if (!signed_by(*block, manifest.root, key))
        refuse("the signature of its manifest does not fit", replaced_hint);
}

} // namespace

void check_requirement(
    const Requirement& requirement, const Manifest* manifest, const Secret* file_key) {
    using Kind = Requirement::Kind;
    if (!requirement.demands())
        return;
    if (manifest == nullptr)
        refuse(
            "it has no manifest, which is required",
            "make one with `tz manifest add` where you trust the file");
    if (requirement.kind == Kind::file_key && file_key == nullptr)
        refuse(
            "a signature of the file's key is required, and no key was given", "give --key-file");
    if (requirement.kind == Kind::file_key)
        check_signature(*manifest, SignatureKind::file_key, *file_key);
    if (requirement.kind == Kind::public_key)
        check_signature(*manifest, SignatureKind::ed25519, requirement.public_key);
    if (requirement.kind == Kind::root && manifest->root != requirement.root)
        throw Error(
            errc::auth,
            "the root of its manifest is " + hex(manifest->root) + " and not " +
                hex(requirement.root),
            {},
            "this is another file, or another version of it");
    if (requirement.subject && manifest->subject != *requirement.subject)
        refuse(
            "its manifest is of another subject",
            "this is another model or revision than the one that was asked for");
}

Sha256 parse_root(std::string_view text) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    Sha256 root;
    const bool all = text.size() == 2 * root.size() &&
                     std::ranges::all_of(text, [&](char c) { return digit(c) >= 0; });
    if (!all)
        throw Error(errc::usage, "a root is 64 hex digits", {}, "`tz manifest show` prints it");
    for (std::size_t i = 0; i < root.size(); ++i)
        root[i] = static_cast<std::byte>(16 * digit(text[2 * i]) + digit(text[2 * i + 1]));
    return root;
}

} // namespace tz::format
