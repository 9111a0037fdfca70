// Writes a tensor's own header. One function lays it out, so that what is hashed can't differ from
// what is written.
#include <tz/format/appender.hpp>
#include <tz/format/crypt_info.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/tensorizer.hpp>

#include <string>

namespace tz::format {

namespace {

struct Built {
    std::vector<std::byte> bytes;
    HeaderParts parts;
};

[[noreturn]] void refuse(const Tensor& tensor, const std::string& problem) {
    throw Error(errc::usage, tensor_label(tensor.name) + ": " + problem);
}

void append_hashes(Appender& out, const HeaderValues& values, HeaderParts& parts) {
    const bool crc32 = values.crc32 && !values.seal; // as pip does
    const std::uint64_t size =
        1 + (crc32 ? 2 + sizeof(Crc32) : 0) + (values.sha256 ? 2 + sizeof(Sha256) : 0);
    out.integer<std::uint16_t>(static_cast<std::uint16_t>(size));
    out.integer<std::uint8_t>(static_cast<std::uint8_t>(crc32 + values.sha256.has_value()));
    if (crc32) {
        out.integer<std::uint8_t>(0);
        out.integer<std::uint8_t>(sizeof(Crc32));
        parts.hash_values[0] = {out.size(), sizeof(Crc32)};
        out.integer<std::uint32_t>(*values.crc32);
    }
    if (values.sha256) {
        out.integer<std::uint8_t>(1);
        out.integer<std::uint8_t>(sizeof(Sha256));
        parts.hash_values[1] = {out.size(), sizeof(Sha256)};
        out.bytes(*values.sha256);
    }
}

// The number of pieces the seal must have for this tensor; 0 without one.
std::uint64_t check_seal(const Tensor& tensor, const Layout& layout, const HeaderValues& values) {
    const bool wanted = layout.encrypted && tensor.data.bytes != 0;
    if (wanted != values.seal.has_value())
        refuse(tensor, wanted ? "encrypted data without a seal" : "a seal without encrypted data");
    if (!wanted)
        return 0;
    if (!valid_piece_bytes(values.seal->piece_bytes))
        refuse(tensor, "the size of encrypted pieces must be a multiple of 64 and at least 1024");
    return piece_count(tensor.data.bytes, values.seal->piece_bytes);
}

Built build(const Tensor& tensor, const Layout& layout, const HeaderValues& values) {
    const std::uint64_t pieces = check_seal(tensor, layout, values);
    if (values.seal && values.seal->macs.size() > pieces)
        refuse(tensor, "too many MACs");
    Appender out;
    HeaderParts parts;
    out.reserve(tensor.header.bytes);
    out.integer<std::uint64_t>(tensor.header.bytes);
    out.integer<std::uint16_t>(values.module_index);
    append_description(out, tensor, /*kind_first=*/true);
    append_hashes(out, values, parts);
    parts.crypt_info = {out.size(), 0};
    if (layout.encrypted)
        append_crypt_info(out, values.seal, pieces);
    parts.crypt_info.bytes = out.size() - parts.crypt_info.offset;
    if (out.size() + 8 > tensor.header.bytes)
        refuse(tensor, "the layout leaves too little room for the header");
    out.zeros(tensor.header.bytes - 8 - out.size()); // aligns the data
    out.integer<std::uint64_t>(tensor.data.bytes);
    return {out.finish(), parts};
}

} // namespace

std::vector<std::byte>
write_header(const Tensor& tensor, const Layout& layout, const HeaderValues& values) {
    Built built = build(tensor, layout, values);
    if (values.seal &&
        values.seal->macs.size() != piece_count(tensor.data.bytes, values.seal->piece_bytes))
        refuse(tensor, "MACs are missing");
    return std::move(built.bytes);
}

std::vector<std::byte>
hashed_form(const Tensor& tensor, const Layout& layout, const HeaderValues& values) {
    const Built built = build(tensor, layout, values);
    return hashed_bytes(built.bytes, built.parts);
}

} // namespace tz::format
