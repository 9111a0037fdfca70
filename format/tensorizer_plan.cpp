// Places the tensors of a new file, and writes what stands before them.
#include <tz/format/appender.hpp>
#include <tz/format/crypt_info.hpp>
#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/name_tree.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

namespace tz::format {

namespace {

constexpr std::uint64_t large_tensor_bytes = 1 << 20;
constexpr std::uint64_t alignment_max = 1 << 20;
constexpr std::uint64_t short_dimension_max = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t file_bytes_max = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void refuse(std::string problem, errc kind = errc::usage) {
    throw Error(kind, std::move(problem));
}

void check_options(const WriteOptions& options) {
    if (options.encrypted && !valid_piece_bytes(options.piece_bytes))
        refuse("the size of encrypted pieces must be a multiple of 64 and at least 1024");
    for (const std::uint64_t alignment : {options.large_alignment, options.small_alignment})
        if (!std::has_single_bit(alignment) || alignment > alignment_max)
            refuse("an alignment must be a power of two, 1 MiB at most");
}

void check_spec_names(std::span<const TensorSpec> specs) {
    std::vector<std::string_view> names;
    names.reserve(specs.size());
    for (const TensorSpec& spec : specs) {
        if (spec.name.size() > std::numeric_limits<std::uint16_t>::max())
            refuse(tensor_label(spec.name) + ": the name has more than 65535 bytes");
        names.push_back(spec.name);
    }
    if (const auto problem = find_name_problem(names))
        refuse(problem->text);
    for (const TensorSpec& spec : specs)
        if (!name_fits(spec.name, spec.kind))
            refuse(tensor_label(spec.name) + ": only state-dict tensors can have structured names");
}

DType spec_dtype(const TensorSpec& spec) {
    if (spec.dtype_code.size() > std::numeric_limits<std::uint8_t>::max())
        refuse(tensor_label(spec.name) + ": the dtype has more than 255 bytes");
    try {
        return parse_dtype(spec.dtype_code, 0);
    } catch (const Error&) { // which speaks of a place in a file
        refuse(
            tensor_label(spec.name) + ": dtype '" + printable(spec.dtype_code) +
            "' cannot be written");
    }
}

// The tensor without its place.
Tensor spec_tensor(const TensorSpec& spec) {
    Tensor tensor;
    tensor.name = spec.name;
    tensor.kind = spec.kind;
    tensor.dtype = spec_dtype(spec);
    tensor.shape = spec.shape;
    tensor.bytes = spec.bytes;
    if (spec.shape.size() > dimensions_max)
        refuse(tensor_label(spec.name) + ": more than 64 dimensions");
    if (shape_bytes(spec.shape, tensor.dtype.bits / 8) != spec.bytes)
        refuse(
            tensor_label(spec.name) + ": " + std::to_string(spec.bytes) +
            " bytes do not fit its dtype and shape");
    tensor.long_dimensions = std::any_of(
        spec.shape.begin(), spec.shape.end(), [](auto size) { return size > short_dimension_max; });
    tensor.data.bytes = spec.bytes == 0 && opaque(tensor.dtype) ? 1 : spec.bytes;
    return tensor;
}

bool any_long(const Layout& layout) {
    return std::any_of(layout.tensors.begin(), layout.tensors.end(), [](const Tensor& tensor) {
        return tensor.long_dimensions;
    });
}

std::uint32_t version_for(const Layout& layout) {
    if (any_long(layout))
        return 5;
    if (layout.encrypted)
        return 3;
    const bool any_opaque =
        std::any_of(layout.tensors.begin(), layout.tensors.end(), [](const Tensor& tensor) {
            return opaque(tensor.dtype);
        });
    return any_opaque ? 2 : 1;
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
std::uint64_t place(Tensor& tensor, std::uint64_t offset, const WriteOptions& options) {
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

Layout plan_file(std::span<const TensorSpec> specs, const WriteOptions& options) {
    check_options(options);
    if (specs.empty())
        refuse("a file needs at least one tensor");
    if (specs.size() > tensors_max)
        refuse("too many tensors for one file", errc::limit);
    check_spec_names(specs);

    Layout layout;
    layout.encrypted = options.encrypted;
    layout.tensors.reserve(specs.size());
    for (const TensorSpec& spec : specs)
        layout.tensors.push_back(spec_tensor(spec));
    layout.version = version_for(layout);
    layout.index_bytes = prefix_bytes;
    const bool tagged = any_long(layout);
    for (const Tensor& tensor : layout.tensors)
        layout.index_bytes += entry_bytes(tensor, tagged);
    if (layout.index_bytes > index_bytes_max)
        refuse("the names and shapes are too long for one file", errc::limit);

    std::uint64_t offset = layout.index_bytes;
    for (Tensor& tensor : layout.tensors)
        offset = place(tensor, offset, options);
    layout.file_bytes = offset + terminator_bytes;
    return layout;
}

std::vector<std::byte> write_index(const Layout& layout) {
    const bool tagged = any_long(layout);
    std::uint64_t data_bytes = 0;
    for (const Tensor& tensor : layout.tensors)
        data_bytes += tensor.data.bytes;

    Appender out;
    out.reserve(layout.index_bytes);
    out.text(magic);
    out.integer<std::uint32_t>(layout.version);
    // before version 4 the field has no meaning
    out.integer<std::uint64_t>(
        (layout.version >= 4 && layout.encrypted ? 1 : 0) + (tagged ? 2 : 0));
    out.zeros(24);
    out.integer<std::uint64_t>(data_bytes);
    out.integer<std::uint64_t>(0); // reserved
    out.integer<std::uint64_t>(layout.tensors.size());
    out.integer<std::uint64_t>(layout.index_bytes - prefix_bytes);
    for (const Tensor& tensor : layout.tensors) {
        if (tagged)
            out.integer<std::uint32_t>(tensor.long_dimensions ? 5 : 1);
        append_description(out, tensor, /*kind_first=*/false);
        out.integer<std::uint64_t>(tensor.header.offset);
        out.integer<std::uint64_t>(tensor.data.offset);
        out.integer<std::uint64_t>(tensor.data.bytes);
    }
    if (out.size() > layout.index_bytes)
        refuse("the layout leaves too little room for the index");
    out.zeros(layout.index_bytes - out.size());
    return out.finish();
}

} // namespace tz::format
