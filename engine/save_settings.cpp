#include <tz/engine/machine.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/format/error.hpp>

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
    SaveSettings settings{write_options(options), options.key};
    if (options.password) {
        settings.write.derivation = new_derivation(options);
        settings.key = std::make_shared<const format::Secret>(
            format::derive_key(*options.password, *settings.write.derivation));
    }
    return settings;
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
