// Reads a tensor's own header, which must agree with the index in everything they both say.
#include <tz/format/crypt_info.hpp>
#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <string>

namespace tz::format {

namespace {

constexpr std::uint8_t hash_crc32 = 0;
constexpr std::uint8_t hash_sha256 = 1;
// The data length, which stands at the end of the header whatever is before it.
constexpr std::uint64_t tail_bytes = 8;

void check_length(Cursor& in, const Tensor& tensor) {
    const std::uint64_t at = in.at();
    const auto length = in.read<std::uint64_t>("the header's length");
    if (length == tensor.header.bytes)
        return;
    in.fail(
        "header length " + std::to_string(length) + " is not the " +
            std::to_string(tensor.header.bytes) + " that the index leaves for it",
        at);
}

void check_shape(Cursor& in, const Tensor& tensor) {
    const std::uint64_t at = in.at();
    bool same = in.read<std::uint8_t>("the number of dimensions") == tensor.shape.size();
    for (std::size_t i = 0; same && i < tensor.shape.size(); ++i) {
        const std::uint64_t dimension = tensor.long_dimensions
                                            ? in.read<std::uint64_t>("the dimensions")
                                            : in.read<std::uint32_t>("the dimensions");
        same = dimension == tensor.shape[i];
    }
    if (!same)
        in.fail("the shape in the header differs from the index", at);
}

// Everything up to the hash block. Returns the module index.
std::uint16_t read_fields(Cursor& in, const Tensor& tensor) {
    check_length(in, tensor);
    const auto module_index = in.read<std::uint16_t>("the module index");

    std::uint64_t at = in.at();
    if (in.read<std::uint8_t>("the tensor type") != static_cast<std::uint8_t>(tensor.kind))
        in.fail("the tensor type in the header differs from the index", at);
    at = in.at();
    if (in.text(in.read<std::uint16_t>("the name's length"), "the name") != tensor.name)
        in.fail("the name in the header differs from the index", at);
    at = in.at();
    if (in.text(in.read<std::uint8_t>("the dtype's length"), "the dtype") != tensor.dtype.code)
        in.fail("the dtype in the header differs from the index", at);
    check_shape(in, tensor);
    return module_index;
}

// The value of a hash, whose place in the header is noted for the form that is hashed.
template <typename Value>
std::span<const std::byte>
read_hash(Cursor& block, const Tensor& tensor, const std::optional<Value>& known, Range& place) {
    const std::uint64_t at = block.at();
    if (known)
        block.fail("the header lists two hashes of one type", at - 1);
    const auto length = block.read<std::uint8_t>("a hash's length");
    if (length != sizeof(Value))
        block.fail(
            "a hash has " + std::to_string(length) + " bytes, not " + std::to_string(sizeof(Value)),
            at);
    place = {block.at() - tensor.header.offset, length};
    return block.take(length, "a hash");
}

void read_hashes(Cursor& in, const Tensor& tensor, TensorHeader& header, HeaderParts& parts) {
    Cursor block = in.part(in.read<std::uint16_t>("the size of the hashes"), "the list of hashes");
    const auto count = block.read<std::uint8_t>("the number of hashes");
    for (std::uint8_t i = 0; i < count; ++i) {
        const std::uint64_t at = block.at();
        const auto type = block.read<std::uint8_t>("a hash's type");
        if (type == hash_crc32) {
            const auto value = read_hash(block, tensor, header.crc32, parts.hash_values[0]);
            header.crc32 = Cursor(value, at, "a hash").read<std::uint32_t>("its value");
        } else if (type == hash_sha256) {
            const auto value = read_hash(block, tensor, header.sha256, parts.hash_values[1]);
            std::copy(value.begin(), value.end(), header.sha256.emplace().begin());
        } else {
            block.fail(
                "hash type " + std::to_string(type) + " is not known",
                at,
                errc::unsupported,
                "the file is damaged, or made by a newer release; update this one");
        }
    }
}

} // namespace

TensorHeader
parse_header(std::span<const std::byte> bytes, const Tensor& tensor, const Layout& layout) {
    Cursor in(bytes, tensor.header.offset, "the header", tensor.name);
    if (bytes.size() != tensor.header.bytes || bytes.size() < tail_bytes)
        in.fail(
            "the header has " + std::to_string(tensor.header.bytes) + " bytes, of which " +
            std::to_string(bytes.size()) + " are there");
    Cursor body = in.part(bytes.size() - tail_bytes, "the header");

    TensorHeader header;
    HeaderParts parts;
    header.module_index = read_fields(body, tensor);
    read_hashes(body, tensor, header, parts);
    const std::uint64_t hashes_end = body.at();
    if (layout.encrypted)
        header.seal = parse_crypt_info(body, tensor.data.bytes);
    parts.crypt_info = {hashes_end - tensor.header.offset, body.at() - hashes_end};

    const std::uint64_t at = in.at();
    const auto data_bytes = in.read<std::uint64_t>("the data's length");
    if (data_bytes != tensor.data.bytes)
        in.fail(
            "data length " + std::to_string(static_cast<std::int64_t>(data_bytes)) +
                " in the header is not the index's " + std::to_string(tensor.data.bytes),
            at);
    header.hashed = hashed_bytes(bytes, parts);
    return header;
}

} // namespace tz::format
