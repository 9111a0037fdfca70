#include <tz/engine/machine.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz {

namespace {

format::WriteOptions write_options(const SaveOptions& options) {
    format::WriteOptions write;
    if (options.like_pip)
        write = format::like_pip_options();
    if (options.alignment)
        write.large_alignment = write.small_alignment = *options.alignment;
    write.crc32 = options.crc32;
    write.sha256 = options.sha256;
    write.piece_bytes = options.piece_bytes;
    write.region_bytes_min = options.region_bytes_min;
    write.region_reserve = options.region_reserve;
    write.encrypted = options.key || options.password;
    return write;
}

void check_manifest_wish(const SaveOptions& options) {
    if (options.like_pip)
        throw Error(
            errc::usage,
            "pip's tensorizer writes no manifests, and this file shall be like its own",
            {},
            "don't write like pip: it reads files with manifests too");
    if (!options.sha256 && !options.key && !options.password)
        throw Error(
            errc::usage,
            "a manifest binds the data of a plain file by its SHA-256, which are not asked for",
            {},
            "write them (--hashes sha256)");
}

void reserve_for_manifest(SaveSettings& settings) {
    format::WriteOptions& write = settings.write;
    // what is more is refused with the plan, and must not overflow before
    write.region_reserve = std::min(write.region_reserve, format::index_bytes_max) +
                           format::manifest_bytes(0, 0, signature_kinds(settings));
    write.region_reserve_each = sizeof(format::Sha256);
}

format::KeyDerivation new_derivation(const SaveOptions& options) {
    const auto derivation =
        format::random_derivation(options.derivation_passes, options.derivation_memory_bytes);
    try {
        format::check_derivation(derivation, memory_available());
    } catch (const Error& error) { // whose advice is for readers
        throw Error(error.kind(), error.problem(), {}, "take fewer passes or less memory");
    }
    return derivation;
}

} // namespace

SaveSettings save_settings(const SaveOptions& options) {
    if (options.key && options.password)
        throw Error(errc::usage, "both a key and a password are given");
    if (options.key && options.key->bytes().size() != format::key_bytes)
        throw Error(
            errc::usage, "a key has 32 bytes, not " + std::to_string(options.key->bytes().size()));
    if (options.manifest)
        check_manifest_wish(options);
    if (options.key_derivation && !options.key)
        throw Error(errc::usage, "the derivation of a key is given, and no key");
    SaveSettings settings{write_options(options), options.key, options.manifest};
    settings.write.derivation = options.key_derivation;
    if (options.password) {
        settings.write.derivation = new_derivation(options);
        settings.key = std::make_shared<const format::Secret>(
            format::derive_key(*options.password, *settings.write.derivation));
    }
    if (settings.manifest)
        reserve_for_manifest(settings);
    return settings;
}

std::vector<format::SignatureKind> signature_kinds(const SaveSettings& settings) {
    std::vector<format::SignatureKind> kinds;
    if (settings.key)
        kinds.push_back(format::SignatureKind::file_key);
    if (settings.manifest && settings.manifest->signing_key)
        kinds.push_back(format::SignatureKind::ed25519);
    return kinds;
}

format::HeaderValues new_header_values(
    const format::Tensor& tensor, std::uint16_t module, const SaveSettings& settings) {
    format::HeaderValues values;
    values.module_index = module;
    const bool sealed = settings.key && tensor.data.bytes != 0;
    if (sealed) {
        format::Seal& seal = values.seal.emplace();
        seal.piece_bytes = settings.write.piece_bytes;
        seal.nonce = format::random_nonce();
        seal.derivation = settings.write.derivation;
    }
    if (settings.write.crc32 && !sealed)
        values.crc32 = 0;
    if (settings.write.sha256)
        values.sha256 = format::Sha256{};
    return values;
}

} // namespace tz
