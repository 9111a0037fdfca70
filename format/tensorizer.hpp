// The `.tensors` format, versions 1 to 5: bytes to `Layout` and back. Pure: no I/O, no threads.
// Every function that reads throws `tz::Error` (format, unsupported or limit) with the byte offset
// in the file, and allocates nothing by a number that it has not checked.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/seal.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tz::format {

/// Bytes before the index region: magic, file header and the region's size.
inline constexpr std::uint64_t prefix_bytes = 73;
/// pip's writer always makes the region this large, so one first read of
/// `prefix_bytes + usual_region_bytes` holds the index of nearly every file.
inline constexpr std::uint64_t usual_region_bytes = 262144;

/// How many bytes from the start of the file hold the whole index. `prefix` is the start of the
/// file, up to `prefix_bytes` of it (fewer only where the file is shorter). Checked against
/// `file_bytes` and `index_bytes_max`. Says what the file looks like when it is something else.
std::uint64_t index_bytes(std::span<const std::byte> prefix, std::uint64_t file_bytes);

/// The index. `bytes` are the first `index_bytes()` bytes of the file. Every range is checked:
/// inside the file, ascending, disjoint, data length = elements x element size (or 0 for a meta
/// tensor in version 4 and later), products and sums without overflow.
Layout parse_index(std::span<const std::byte> bytes, std::uint64_t file_bytes);

using Crc32 = std::uint32_t;
using Sha256 = std::array<std::byte, 32>;

/// What a tensor's own header adds to its index entry.
struct TensorHeader {
    std::uint16_t module_index = 0;
    std::optional<Crc32> crc32;
    std::optional<Sha256> sha256;
    std::optional<Seal> seal; ///< set exactly when the tensor has encrypted data
    /// What the stored hashes cover before the data: the header with hash values zeroed and without
    /// the crypt info.
    std::vector<std::byte> hashed;
};

/// The header of `tensor`, checked against its index entry (name, kind, dtype, shape, lengths).
/// `bytes` is exactly `tensor.header`.
TensorHeader
parse_header(std::span<const std::byte> bytes, const Tensor& tensor, const Layout& layout);

// Writing -------------------------------------------------------------------------------------

/// A tensor to be written.
struct TensorSpec {
    std::string name; ///< stored form, see store_name()
    TensorKind kind = TensorKind::state;
    std::string dtype_code;
    std::vector<std::uint64_t> shape;
    std::uint64_t bytes = 0; ///< elements x element size
    /// Shape without data (from torch's `meta` device): handed out as zeros by readers.
    bool meta = false;
    /// Position of its module in torch's `named_modules()`; 0 for state dicts. For whoever fills
    /// HeaderValues: the plan doesn't depend on it.
    std::uint16_t module_index = 0;
};

/// What a written header holds besides the spec. Absent values are left out of the file.
struct HeaderValues {
    std::optional<Crc32> crc32; ///< left out as well where `seal` is set, as pip does
    std::optional<Sha256> sha256;
    std::optional<Seal> seal; ///< to be set exactly when the tensor has encrypted data
    std::uint16_t module_index = 0;
};

struct WriteOptions {
    bool crc32 = true;
    bool sha256 = true;
    bool encrypted = false;
    std::uint64_t piece_bytes = usual_piece_bytes;
    std::optional<KeyDerivation> derivation; ///< repeated in every header of a password file
    /// Data of 1 MiB and more starts at a multiple of `large`, other data at one of `small`; 1
    /// means packed as pip does. Slack never takes more than 1 % of the data (small alignment is
    /// used where it would).
    std::uint64_t large_alignment = 4096;
    std::uint64_t small_alignment = 64;
    /// The region for the index is at least this large: pip's own size, so that one first read
    /// holds it, and more tensors can be added later. 0: just large enough.
    std::uint64_t region_bytes_min = usual_region_bytes;
    /// Bytes at the region's end that entries leave free, and zero.
    std::uint64_t region_reserve = 0;
    /// So many more of them for each tensor: for what lists tensors.
    std::uint64_t region_reserve_each = 0;
    /// Places everything as pip's writer does, its faults included. All else but `encrypted` and
    /// `derivation` must then be as in like_pip_options().
    bool like_pip = false;
};

/// Options that have plan_file() place everything as pip's writer does.
WriteOptions like_pip_options();

/// Where everything of a new file goes; every size follows from names, dtypes, shapes alone. Throws
/// `tz::Error` (errc::usage) for names or shapes that the format cannot hold or pip could not read,
/// errc::limit for files that this library would not read. What pip's faults would make of a file,
/// it sees to, unless it writes like pip:
/// - An empty tensor of an opaque dtype gets one byte of dummy data (`data.bytes` is 1, `bytes` 0),
///   to be written, hashed and sealed like other data: pip cannot open a file where it has none.
/// - For the same reason a meta tensor of an opaque dtype is refused.
/// - A meta tensor without dimensions becomes a scalar with data: zeros, for the caller to write.
Layout plan_file(std::span<const TensorSpec> tensors, const WriteOptions& options);

/// The bytes before the first tensor header.
std::vector<std::byte> write_index(const Layout& layout);

/// The header of one tensor, exactly `tensor.header.bytes` long. `hashed_form` gives what the
/// hashes cover instead (values zeroed, crypt info left out): hash that and then the plaintext. It
/// asks only which values there are, and of the seal all but nonce and MACs.
std::vector<std::byte>
write_header(const Tensor& tensor, const Layout& layout, const HeaderValues& values);
std::vector<std::byte>
hashed_form(const Tensor& tensor, const Layout& layout, const HeaderValues& values);

/// The 8 zero bytes behind the last tensor.
inline constexpr std::uint64_t terminator_bytes = 8;

} // namespace tz::format
