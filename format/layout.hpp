// What a file holds, whatever its format: tensors with their byte ranges. Plain values, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz::format {

// Limits on what a file may ask of a reader. Each stops a small file from costing much.
/// Largest index that is read; the largest real ones (mixture-of-experts models) take tens of MB.
inline constexpr std::uint64_t index_bytes_max = 256ull << 20;
/// Most tensors in a file; the largest real ones hold a few hundred thousand.
inline constexpr std::uint64_t tensors_max = 4'000'000;
/// Largest tensor header: MACs take 16 bytes for each 2 MiB, so this is enough for an 8 TiB tensor.
inline constexpr std::uint64_t header_bytes_max = 64ull << 20;
/// Most dimensions; NumPy's own limit.
inline constexpr std::size_t dimensions_max = 64;

/// A range of bytes in a file.
struct Range {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;

    std::uint64_t end() const { return offset + bytes; }

    bool operator==(const Range&) const = default;
};

/// Element type. Opaque types (those NumPy lacks, and ones this build has never heard of) keep
/// their name and element size.
struct DType {
    std::string code; ///< as the file spells it, e.g. "<f4", "<V2\0torch.bfloat16" or "BF16"
    /// torch's name without "torch.", e.g. "float32", "bfloat16"; the code where none is known
    std::string name;
    /// Size of one element: 4 and 6 bits too, packed without gaps. 0 where an unknown type has no
    /// elements to tell it by.
    std::uint32_t bits = 0;

    bool operator==(const DType&) const = default;
};

/// Which format a file is in.
enum class FileFormat : std::uint8_t {
    tensors,     ///< Tensorizer's `.tensors`
    safetensors, ///< tensors without headers of their own, hashes or encryption
    memory,      ///< no file: tensors named and typed as in `.tensors` files, without headers
};

enum class TensorKind : std::uint8_t { parameter = 0, buffer = 1, state = 2 };

/// One tensor as the index lists it.
struct Tensor {
    std::string name; ///< the bytes of the file: see format/name.hpp
    TensorKind kind = TensorKind::state;
    DType dtype;
    std::vector<std::uint64_t> shape; ///< outermost dimension first; empty for a scalar
    std::uint64_t bytes = 0;          ///< elements x element size: what is handed out
    Range header;                     ///< the tensor's own header in the file; empty if it has none
    Range data;                       ///< its bytes in the file; empty for meta tensors
    bool long_dimensions = false;     ///< dimensions stand in the header as u64

    /// Shape without data: handed out as zeros.
    bool meta() const { return data.bytes == 0 && bytes != 0; }

    bool operator==(const Tensor&) const = default;
};

/// A file: its tensors in file order, ranges checked to be ascending, disjoint and inside the file.
struct Layout {
    FileFormat format = FileFormat::tensors;
    std::uint32_t version = 0; ///< of the format; 0 where it has none
    bool encrypted = false;
    std::uint64_t file_bytes = 0;
    std::uint64_t index_bytes = 0; ///< bytes before the first tensor
    std::vector<Tensor> tensors;
    /// What a safetensors file says about itself (`__metadata__`), in its order: names and texts,
    /// which mean nothing to tzio.
    std::vector<std::pair<std::string, std::string>> metadata;

    /// Whether each tensor has a header, where hashes and seals stand.
    bool has_headers() const { return format == FileFormat::tensors; }

    /// Sum of `Tensor::bytes`. Never overflows: the parser has checked it.
    std::uint64_t total_bytes() const;

    bool operator==(const Layout&) const = default;
};

} // namespace tz::format
