#include <tz/format/crypt_info.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/tensorizer_place.hpp>
#include <tz/format/tensorizer_specs.hpp>

#include <bit>
#include <limits>
#include <string>
#include <utility>

namespace tz::format {

namespace {

constexpr std::uint64_t large_tensor_bytes = 1 << 20;
constexpr std::uint64_t alignment_max = 1 << 20;
constexpr std::uint64_t file_bytes_max = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void refuse(std::string problem, errc kind = errc::usage) {
    throw Error(kind, std::move(problem));
}

void check_like_pip(const WriteOptions& options) {
    const WriteOptions pip = like_pip_options();
    if (options.crc32 != pip.crc32 || options.sha256 != pip.sha256 ||
        options.large_alignment != pip.large_alignment ||
        options.small_alignment != pip.small_alignment ||
        options.region_bytes_min != pip.region_bytes_min ||
        options.region_reserve != pip.region_reserve ||
        options.region_reserve_each != pip.region_reserve_each ||
        options.piece_bytes != pip.piece_bytes)
        refuse("writing like pip leaves no choice of alignment, hashes, pieces or region");
}

std::uint64_t entry_bytes(const Tensor& tensor, bool tagged) {
    return header_fixed_bytes(tensor) + 4 + (tagged ? 4 : 0);
}

std::uint64_t header_bytes(const Tensor& tensor, const WriteOptions& options) {
    const bool sealed = options.encrypted && tensor.data.bytes != 0;
    const std::uint64_t hashes = (options.crc32 && !sealed ? 2 + sizeof(Crc32) : 0) +
                                 (options.sha256 ? 2 + sizeof(Sha256) : 0);
    const std::uint64_t pieces = sealed ? piece_count(tensor.data.bytes, options.piece_bytes) : 0;
    const std::uint64_t crypt_info =
        options.encrypted ? crypt_info_bytes(pieces, options.derivation.has_value()) : 0;
    return header_fixed_bytes(tensor) + 1 + hashes + crypt_info;
}

std::uint64_t alignment_for(std::uint64_t data_bytes, const WriteOptions& options) {
    if (data_bytes == 0)
        return 1;
    const bool large =
        data_bytes >= large_tensor_bytes && options.large_alignment - 1 <= data_bytes / 100;
    return large ? options.large_alignment : options.small_alignment;
}

// Puts the tensor at `offset`; returns where the next one can stand.
std::uint64_t place_one(Tensor& tensor, std::uint64_t offset, const WriteOptions& options) {
    const std::uint64_t alignment = alignment_for(tensor.data.bytes, options);
    const std::uint64_t packed = offset + header_bytes(tensor, options);
    tensor.header.offset = offset;
    tensor.data.offset = (packed + alignment - 1) & ~(alignment - 1);
    tensor.header.bytes = tensor.data.offset - offset;
    if (tensor.header.bytes > header_bytes_max)
        refuse(
            tensor_label(tensor.name) + ": too many encrypted pieces, take larger ones",
            errc::limit);
    if (tensor.data.bytes > file_bytes_max - tensor.data.offset)
        refuse(
            tensor_label(tensor.name) + ": the file would have more than 2^63 bytes", errc::limit);
    return tensor.data.end();
}

} // namespace

void check_options(const WriteOptions& options) {
    if (options.like_pip)
        check_like_pip(options);
    if (options.encrypted && !valid_piece_bytes(options.piece_bytes))
        refuse("the size of encrypted pieces must be a multiple of 64 and at least 1024");
    for (const std::uint64_t alignment : {options.large_alignment, options.small_alignment})
        if (!std::has_single_bit(alignment) || alignment > alignment_max)
            refuse("an alignment must be a power of two, 1 MiB at most");
    if (options.region_reserve > index_bytes_max || options.region_reserve_each > index_bytes_max ||
        options.region_bytes_min > index_bytes_max)
        refuse("the region for the index would be larger than what is read", errc::limit);
}

std::uint64_t reserved_bytes(std::size_t tensors, const WriteOptions& options) {
    return options.region_reserve + tensors * options.region_reserve_each;
}

std::uint64_t entries_bytes(std::span<const Tensor> tensors) {
    const bool tagged = any_long(tensors);
    std::uint64_t bytes = 0;
    for (const Tensor& tensor : tensors)
        bytes += entry_bytes(tensor, tagged);
    return bytes;
}

std::uint64_t place(std::span<Tensor> tensors, std::uint64_t offset, const WriteOptions& options) {
    for (Tensor& tensor : tensors)
        offset = place_one(tensor, offset, options);
    return offset;
}

} // namespace tz::format
