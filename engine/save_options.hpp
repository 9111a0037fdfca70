// What callers can set about a `.tensors` file that is written.
#pragma once

#include <tz/engine/manifest_wish.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace tz {

struct SaveOptions {
    bool crc32 = true;  ///< never written for encrypted data, as pip does
    bool sha256 = true; ///< for encrypted data this is the hash of the plaintext, in the clear
    /// 32 bytes: encrypts. Or a password (UTF-8, not empty): encrypts with a key derived from it,
    /// once a file, with a random salt. At most one of them.
    std::shared_ptr<const format::Secret> key;
    std::shared_ptr<const format::Secret> password;
    /// How `key` came from a password, where it did: it is stored, and the password opens the file
    /// too. With `key` alone.
    std::optional<format::KeyDerivation> key_derivation;
    /// What each guess of the password costs, in Argon2id's terms; readers pay it once a file.
    /// Above the limits of format/seal.hpp: errc::limit.
    std::uint64_t derivation_passes = format::usual_derivation_passes;
    std::uint64_t derivation_memory_bytes = format::usual_derivation_memory;
    /// Data starts at multiples of this, a power of two; 1: packed as pip does. Unset: multiples of
    /// 4096 for data of 1 MiB and more (at most 1 % of it is slack), of 64 below.
    std::optional<std::uint64_t> alignment;
    std::uint64_t piece_bytes = format::usual_piece_bytes;
    /// The region for the index is at least this large: pip's own size. 0: just large enough.
    std::uint64_t region_bytes_min = format::usual_region_bytes;
    /// Bytes at the region's end that are left free, and zero; those before a manifest.
    std::uint64_t region_reserve = 0;
    /// Puts a manifest into the file before that gets its name. Its data must be bound by
    /// something: encryption or `sha256`, else errc::usage; and so with `like_pip`. Of a
    /// SaveSession the file is whole with the first write, and further ones are errc::usage.
    std::optional<ManifestWish> manifest;
    /// The bytes that pip's tensorizer 2.12.1 would write, apart from nonces and salt, its faults
    /// included: no empty tensors in encrypted files, no more tensors than its region has room for,
    /// files that it can't read itself. Leaves no choice of hashes, alignment, pieces and region:
    /// errc::usage where they are set otherwise.
    bool like_pip = false;
};

} // namespace tz
