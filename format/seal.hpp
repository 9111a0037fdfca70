// Encryption of tensor data: XSalsa20-Poly1305 in pieces, and keys from passwords. Functions are
// thread-safe; a `Secret` belongs to whoever holds it and may be read by several threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tz::format {

/// What pip's writer uses.
inline constexpr std::uint64_t usual_piece_bytes = 2ull << 20;

/// Largest cost of a password that is accepted from a file: Argon2's parameters stand in the file,
/// so a small file could ask for hours or terabytes. pip's costliest preset is 4 passes over 1 GiB.
struct DerivationLimits {
    unsigned passes = 16;
    std::uint64_t memory_bytes = 2ull << 30; ///< and at most half of what is available
};

/// What a password costs unless the writer says otherwise: pip's default, its preset MODERATE.
inline constexpr std::uint64_t usual_derivation_passes = 3;
inline constexpr std::uint64_t usual_derivation_memory = 256ull << 20;

using Nonce = std::array<std::byte, 24>;
using Mac = std::array<std::byte, 16>;

/// How a key comes from a password (Argon2id 1.3).
struct KeyDerivation {
    std::uint64_t passes = 0;       ///< libsodium's opslimit
    std::uint64_t memory_bytes = 0; ///< libsodium's memlimit
    std::array<std::byte, 16> salt{};

    bool operator==(const KeyDerivation&) const = default;
};

/// How the data of one tensor is encrypted: pieces of `piece_bytes` (the last one shorter), piece i
/// under nonce + i, each with its MAC.
struct Seal {
    std::uint64_t piece_bytes = usual_piece_bytes;
    Nonce nonce{};
    std::vector<Mac> macs;
    std::optional<KeyDerivation> derivation;
};

/// Bytes that must not leak: locked in memory, kept out of core dumps, wiped when freed. Cannot be
/// copied or printed.
class Secret {
public:
    /// Copies `bytes`; the caller wipes its own copy.
    explicit Secret(std::span<const std::byte> bytes);
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret&&) noexcept = default;

    std::span<const std::byte> bytes() const { return {data_.get(), data_ ? size_ : 0}; }

private:
    friend Secret derive_key(const Secret&, const KeyDerivation&);
    explicit Secret(std::size_t size);

    struct Free {
        void operator()(std::byte* data) const noexcept;
    };

    std::unique_ptr<std::byte[], Free> data_;
    std::size_t size_ = 0;
};

inline constexpr std::size_t key_bytes = 32;

/// 32 bytes, raw or as 64 hex digits (a line end may follow). Throws `tz::Error` (errc::usage).
Secret parse_key(std::span<const std::byte> text);

/// Throws `tz::Error` (errc::limit) before anything is allocated when the cost is above the limits
/// or above half of `memory_available`.
void check_derivation(
    const KeyDerivation& derivation,
    std::uint64_t memory_available,
    const DerivationLimits& limits = {});

/// The key of a password; takes the time and memory that `derivation` asks for.
Secret derive_key(const Secret& password, const KeyDerivation& derivation);

/// The nonce of piece `index`.
Nonce piece_nonce(const Nonce& first, std::uint64_t index);

/// What a piece is encrypted with: XSalsa20 under a key is Salsa20 under a key of the nonce. A
/// secret: who has it wipes it.
struct PieceKey {
    std::array<std::byte, key_bytes> key;
    std::array<std::byte, 8> nonce;
};

/// Of the piece with this nonce.
PieceKey piece_key(const Nonce& nonce, const Secret& key);

/// Opens one piece: compares the MAC first and writes nothing unless it fits. `plain` has the size
/// of `sealed` and is the same memory or does not overlap it.
bool open_piece(
    std::span<std::byte> plain,
    std::span<const std::byte> sealed,
    const Mac& mac,
    const Nonce& nonce,
    const Secret& key);

/// Seals one piece. `sealed` is the same memory as `plain` or does not overlap it.
Mac seal_piece(
    std::span<std::byte> sealed,
    std::span<const std::byte> plain,
    const Nonce& nonce,
    const Secret& key);

/// Overwrites memory in a way the compiler keeps.
void wipe(std::span<std::byte> memory) noexcept;

Nonce random_nonce();
/// With a new salt, which makes it good for one file.
KeyDerivation random_derivation(std::uint64_t passes, std::uint64_t memory_bytes);
Secret random_key();

} // namespace tz::format
