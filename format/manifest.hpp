// The manifest of a file: one hash, the root, that everything in the file hangs on, and signatures
// of it. It stands at the end of a `.tensors` file's metadata region, where pip's readers look at
// nothing, or in a file of its own. docs/manifest.md has the layout byte by byte. Pure.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/tensorizer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz::format {

/// The SHA-256 of what the caller calls the model, see subject_of(); zeros: it was not said.
using Subject = Sha256;

/// Who says so: the algorithm of a signature.
enum class SignatureKind : std::uint16_t {
    file_key = 1, ///< keyed BLAKE2b-256, by who has the key that the file is encrypted with
    ed25519 = 2,  ///< by who has the private key
};

/// One signature of the root. Those of a manifest are in the order of kind and key.
struct SignatureBlock {
    SignatureKind kind = SignatureKind::file_key;
    Sha256 key_id{};                  ///< tells keys apart and says nothing else of them
    std::vector<std::byte> signature; ///< as many bytes as signature_bytes() says
};

std::size_t signature_bytes(SignatureKind kind);

struct Manifest {
    std::uint64_t file_bytes = 0;
    std::uint64_t tensors = 0;
    std::uint64_t data_bytes = 0; ///< of all tensors, as they stand in the file
    Subject subject{};
    std::uint64_t piece_bytes = 0; ///< 0 without a list of pieces
    Sha256 root{};
    /// SHA-256 of each tensor header, in file order, or empty. With it a header can be checked as
    /// soon as it is there; without it, all of them together.
    std::vector<Sha256> headers;
    /// SHA-256 of each `piece_bytes` of the file; unused bytes of its metadata region count as
    /// zeros.
    std::vector<Sha256> pieces;
    std::vector<SignatureBlock> signatures;
};

/// What the pieces of new manifests have: 4 KiB of hashes a GiB, and enough of them to keep all
/// cores busy with a single tensor.
inline constexpr std::uint64_t usual_manifest_piece_bytes = 8ull << 20;

// Limits on what a manifest may ask of a reader.
/// Smallest and largest piece: one hash for less would be all overhead, and a reader must be able
/// to hold a few.
inline constexpr std::uint64_t manifest_piece_bytes_min = 64 << 10;
inline constexpr std::uint64_t manifest_piece_bytes_max = 64 << 20;
/// Most signatures; a file has a key and a few people who vouch for it.
inline constexpr std::size_t signatures_max = 16;
/// Largest manifest: it has to fit into an index.
inline constexpr std::uint64_t manifest_bytes_max = index_bytes_max;

/// Length and magic, which are the last bytes of a manifest.
inline constexpr std::uint64_t manifest_end_bytes = 12;

/// Number of pieces of a file.
std::uint64_t manifest_pieces(std::uint64_t file_bytes, std::uint64_t piece_bytes);

/// How many bytes a manifest takes: known before there is anything to hash. `headers` and `pieces`
/// are the lengths of its lists.
std::uint64_t manifest_bytes(
    std::uint64_t headers, std::uint64_t pieces, std::span<const SignatureKind> signatures);

/// The manifest that `bytes` are, all of them. `at` is the place of the first one in the file, for
/// errors. Throws `tz::Error`: errc::format, errc::unsupported for a version that is not known,
/// errc::auth for an algorithm that isn't. What it returns, write_manifest() gives back as the same
/// bytes.
Manifest parse_manifest(std::span<const std::byte> bytes, std::uint64_t at = 0);

/// Its bytes. Throws `tz::Error` (errc::limit) where it has more than `manifest_bytes_max`.
std::vector<std::byte> write_manifest(const Manifest& manifest);

} // namespace tz::format
