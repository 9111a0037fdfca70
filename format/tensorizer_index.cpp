// Reads what stands before the first tensor: the file header and the index. Nothing is allocated
// but in step with bytes that are there.
#include <tz/format/cursor.hpp>
#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/other_formats.hpp>
#include <tz/format/tensorizer.hpp>
#include <tz/format/tensorizer_append.hpp>

#include <algorithm>

namespace tz::format {

namespace {

// What the first `prefix_bytes` say.
struct Prefix {
    std::uint32_t version = 0;
    bool encrypted = false;
    bool tagged = false;    // each entry begins with a version of its own
    bool appending = false; // tensors were being added, so there may be entries not counted
    std::uint64_t tensors = 0;
    std::uint64_t region_bytes = 0;
};

constexpr const char* newer_hint =
    "the file is damaged, or made by a newer release; update this one";
constexpr std::uint32_t version_max = 5;
// An entry with a name of one byte and a dtype of two.
constexpr std::uint64_t entry_bytes_min = 32;

void check_magic(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
    if (file_bytes == 0)
        throw_format("the file is empty", 0);
    const std::size_t seen = std::min(prefix.size(), magic.size());
    if (std::equal(
            prefix.begin(), prefix.begin() + seen, std::as_bytes(std::span(magic)).begin())) {
        if (file_bytes >= prefix_bytes)
            return;
        throw_format(
            "the file is too short: it has " + std::to_string(file_bytes) +
                " bytes, and its header alone " + std::to_string(prefix_bytes),
            file_bytes);
    }
    const Guess guess = guess_format(prefix);
    const std::string what = guess.what ? std::string("; it looks like ") + guess.what : "";
    throw_format("not a .tensors or safetensors file" + what, 0, guess.hint);
}

void read_flags(Cursor& in, Prefix& prefix) {
    const std::uint64_t at = in.at();
    const auto flags = in.read<std::uint64_t>("the flags");
    const auto high = in.take(24, "the flags");
    const auto zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (flags > 3 || !std::all_of(high.begin(), high.end(), zero))
        in.fail("a feature flag is not known", at, errc::unsupported, newer_hint);
    prefix.tagged = (flags & 2) != 0;
    if (prefix.tagged && prefix.version < 5)
        in.fail(
            "the flag for versioned entries does not go with version " +
                std::to_string(prefix.version),
            at,
            errc::unsupported,
            newer_hint);
    // before version 4 the field had no meaning, and all of version 3 is encrypted
    prefix.encrypted = prefix.version == 3 || (prefix.version >= 4 && (flags & 1) != 0);
}

Prefix read_prefix(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
    check_magic(bytes, file_bytes);
    Cursor in(bytes.first(std::min<std::size_t>(bytes.size(), prefix_bytes)), 0, "the file header");
    in.take(magic.size(), "the magic");
    Prefix prefix;
    const std::uint64_t version_at = in.at();
    prefix.version = in.read<std::uint32_t>("the version");
    if (prefix.version < 1 || prefix.version > version_max)
        in.fail(
            "format version " + std::to_string(prefix.version) + " is not known",
            version_at,
            errc::unsupported,
            newer_hint);
    read_flags(in, prefix);
    in.take(8, "the sum of data bytes"); // only ever reported
    prefix.appending = std::ranges::equal(in.take(8, "a reserved field"), appending_mark);
    const std::uint64_t tensors_at = in.at();
    prefix.tensors = in.read<std::uint64_t>("the number of tensors");
    const std::uint64_t region_at = in.at();
    prefix.region_bytes = in.read<std::uint64_t>("the size of the index");

    if (prefix.tensors == 0)
        in.fail("the file lists no tensors", tensors_at);
    if (prefix.region_bytes > file_bytes - prefix_bytes)
        in.fail(
            "the index takes " + std::to_string(prefix.region_bytes) + " bytes, the file has " +
                std::to_string(file_bytes - prefix_bytes) + " left",
            region_at);
    if (prefix.region_bytes > index_bytes_max - prefix_bytes)
        in.fail(
            "the index takes " + std::to_string(prefix.region_bytes) + " bytes, the limit is " +
                std::to_string(index_bytes_max - prefix_bytes),
            region_at,
            errc::limit,
            "split the file");
    if (prefix.tensors > prefix.region_bytes / entry_bytes_min)
        in.fail(
            "the index of " + std::to_string(prefix.region_bytes) + " bytes is too small for " +
                std::to_string(prefix.tensors) + " tensors",
            tensors_at);
    if (prefix.tensors > tensors_max)
        in.fail(
            "the file lists " + std::to_string(prefix.tensors) + " tensors, the limit is " +
                std::to_string(tensors_max),
            tensors_at,
            errc::limit,
            "split the file");
    return prefix;
}

void read_shape(Cursor& in, Tensor& tensor) {
    const std::uint64_t at = in.at();
    const auto dimensions = in.read<std::uint8_t>("the number of dimensions");
    if (dimensions > dimensions_max)
        in.fail(std::to_string(dimensions) + " dimensions are more than NumPy's 64", at);
    tensor.shape.resize(dimensions);
    for (std::uint64_t& dimension : tensor.shape)
        dimension = tensor.long_dimensions ? in.read<std::uint64_t>("the dimensions")
                                           : in.read<std::uint32_t>("the dimensions");
    const auto bytes = shape_bytes(tensor.shape, tensor.dtype.bits / 8);
    if (!bytes)
        in.fail("the dimensions multiply to more than 2^63 bytes", at);
    tensor.bytes = *bytes;
}

// `last` saves the work on a dtype that the tensor before had too, as most have.
void read_dtype(Cursor& in, Tensor& tensor, const DType* last) {
    const auto length = in.read<std::uint8_t>("the dtype's length");
    const std::uint64_t at = in.at();
    const std::string_view code = in.text(length, "the dtype");
    tensor.dtype = last != nullptr && last->code == code ? *last : parse_dtype(code, at);
}

void check_data(const Cursor& in, const Tensor& tensor, std::uint32_t version, std::uint64_t at) {
    const std::uint64_t stored = tensor.data.bytes;
    const bool meta = stored == 0 && version >= 4;
    // a byte that lets pip open files with empty tensors of opaque dtypes
    const bool dummy = stored == 1 && tensor.bytes == 0 && opaque(tensor.dtype);
    if (stored == tensor.bytes || meta || dummy)
        return;
    in.fail(
        "data length " + std::to_string(stored) + " does not fit dtype and shape, which take " +
            std::to_string(tensor.bytes) + " bytes",
        at);
}

void check_place(
    const Cursor& in,
    const Tensor& tensor,
    std::uint64_t data_offset,
    const Layout& layout,
    std::uint64_t at) {
    const std::uint64_t previous_end =
        layout.tensors.empty() ? layout.index_bytes : layout.tensors.back().data.end();
    const std::uint64_t start = tensor.header.offset;
    if (start < previous_end)
        in.fail(
            "the header at byte " + std::to_string(start) + " overlaps what ends at byte " +
                std::to_string(previous_end),
            at);
    if (data_offset < start || data_offset - start < header_bytes_min(tensor, layout.encrypted))
        in.fail(
            "the data at byte " + std::to_string(data_offset) +
                " leaves too little room for the header at byte " + std::to_string(start),
            at + 8);
    if (data_offset > layout.file_bytes || tensor.data.bytes > layout.file_bytes - data_offset)
        in.fail(
            "the data at byte " + std::to_string(data_offset) + " has " +
                std::to_string(tensor.data.bytes) + " bytes, but the file ends at byte " +
                std::to_string(layout.file_bytes),
            at + 8);
    if (data_offset - start > header_bytes_max)
        in.fail(
            "the header takes " + std::to_string(data_offset - start) + " bytes, the limit is " +
                std::to_string(header_bytes_max),
            at + 8,
            errc::limit,
            "write the file anew with larger pieces of encryption");
}

void read_ranges(Cursor& in, Tensor& tensor, const Layout& layout) {
    const std::uint64_t at = in.at();
    tensor.header.offset = in.read<std::uint64_t>("the header's offset");
    const auto data_offset = in.read<std::uint64_t>("the data's offset");
    tensor.data.bytes = in.read<std::uint64_t>("the data's length");
    check_data(in, tensor, layout.version, at + 16);
    check_place(in, tensor, data_offset, layout, at);
    tensor.data.offset = data_offset;
    tensor.header.bytes = data_offset - tensor.header.offset;
}

// How many entries there are by the lengths in them alone: room for so many is never too much.
std::uint64_t count_entries(std::span<const std::byte> index, const Prefix& prefix) {
    const auto length = [&](std::size_t at) { return std::to_integer<std::size_t>(index[at]); };
    const std::size_t tag_bytes = prefix.tagged ? 4 : 0;
    std::uint64_t count = 0;
    for (; count < prefix.tensors && index.size() >= tag_bytes + entry_bytes_min; ++count) {
        const std::size_t name_bytes = length(tag_bytes) | length(tag_bytes + 1) << 8;
        const std::size_t dtype_at = tag_bytes + 2 + name_bytes + 1;
        if (name_bytes == 0 || dtype_at >= index.size())
            break;
        const std::size_t shape_at = dtype_at + 1 + length(dtype_at);
        if (shape_at >= index.size())
            break;
        const std::size_t dimension_bytes = prefix.tagged && length(0) == 5 ? 8 : 4;
        const std::size_t bytes =
            shape_at + 1 + dimension_bytes * length(shape_at) + 3 * std::size_t{8};
        index = index.subspan(std::min(bytes, index.size()));
    }
    return count;
}

// One entry; returns where its name stands.
std::uint64_t read_entry(Cursor& index, const Prefix& prefix, Layout& layout) {
    Tensor tensor;
    if (prefix.tagged) {
        const std::uint64_t at = index.at();
        const auto tag = index.read<std::uint32_t>("an entry's version");
        if (tag != 1 && tag != 5)
            index.fail(
                "entry version " + std::to_string(tag) + " is not known",
                at,
                errc::unsupported,
                newer_hint);
        tensor.long_dimensions = tag == 5;
    }
    const auto name_length = index.read<std::uint16_t>("the length of a name");
    const std::uint64_t name_at = index.at();
    const std::string_view name = index.text(name_length, "a name");
    Cursor in = index.about(name);
    if (name.empty())
        in.fail("a tensor's name is empty", name_at);
    tensor.name = name;
    const std::uint64_t kind_at = in.at();
    const auto kind = in.read<std::uint8_t>("the tensor type");
    if (kind > 2)
        in.fail("tensor type " + std::to_string(kind) + " is not known", kind_at);
    tensor.kind = static_cast<TensorKind>(kind);
    read_dtype(in, tensor, layout.tensors.empty() ? nullptr : &layout.tensors.back().dtype);
    read_shape(in, tensor);
    read_ranges(in, tensor, layout);
    index.skip_to(in);
    layout.tensors.push_back(std::move(tensor));
    return name_at;
}

// Every writer leaves zeros behind the last entry. A count that is too small would drop tensors.
void check_rest(Cursor index, std::uint64_t tensors) {
    const std::uint64_t at = index.at();
    const auto rest = index.take(index.remaining(), "the rest of the index");
    const auto other = std::ranges::find_if(rest, [](std::byte b) { return b != std::byte{0}; });
    if (other != rest.end())
        index.fail(
            "the index goes on after the " + std::to_string(tensors) + " tensors that it counts",
            at + static_cast<std::uint64_t>(other - rest.begin()));
}

void check_all_names(const Layout& layout, std::span<const std::uint64_t> offsets) {
    std::vector<std::string_view> names;
    names.reserve(layout.tensors.size());
    for (const Tensor& tensor : layout.tensors)
        names.push_back(tensor.name);
    check_names(names, offsets);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!name_fits(names[i], layout.tensors[i].kind))
            throw_format(
                tensor_label(names[i]) + ": only state-dict tensors can have structured names",
                offsets[i]);
    }
}

} // namespace

std::uint64_t index_bytes(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
    return prefix_bytes + read_prefix(prefix, file_bytes).region_bytes;
}

Layout parse_index(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
    const Prefix prefix = read_prefix(bytes, file_bytes);
    Cursor in(bytes, 0, "the index");
    in.take(prefix_bytes, "the file header");
    Cursor index = in.part(prefix.region_bytes, "the index");

    Layout layout;
    layout.version = prefix.version;
    layout.encrypted = prefix.encrypted;
    layout.file_bytes = file_bytes;
    layout.index_bytes = index.at() + index.remaining();
    const std::uint64_t entries =
        count_entries(bytes.subspan(prefix_bytes, prefix.region_bytes), prefix);
    layout.tensors.reserve(entries);
    std::vector<std::uint64_t> name_offsets;
    name_offsets.reserve(entries);
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < prefix.tensors; ++i) {
        name_offsets.push_back(read_entry(index, prefix, layout));
        if (__builtin_add_overflow(total, layout.tensors.back().bytes, &total))
            throw Error(
                errc::limit,
                "the tensors take more than 2^64 bytes in all",
                index.at(),
                "the file is damaged, or split it");
    }
    if (!prefix.appending)
        check_rest(index, prefix.tensors);
    check_all_names(layout, name_offsets);
    return layout;
}

} // namespace tz::format
