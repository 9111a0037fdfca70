#include <tz/engine/tensor_save.hpp>

#include <algorithm>

namespace tz {

void TensorSave::begin(
    const format::Layout& layout, const format::Tensor& tensor, const SaveSettings& settings) {
    layout_ = &layout;
    tensor_ = &tensor;
    if (!layout.has_headers())
        return;
    values_ = new_header_values(tensor, 0, settings);
    if (values_.seal) {
        const std::uint64_t piece_bytes = values_.seal->piece_bytes;
        values_.seal->macs.resize((tensor.data.bytes + piece_bytes - 1) / piece_bytes);
    }
    if (values_.sha256)
        sha256_.emplace();
}

void TensorSave::start(std::uint16_t module_index) {
    if (!layout_->has_headers())
        return;
    values_.module_index = module_index;
    const auto hashed = format::hashed_form(*tensor_, *layout_, values_);
    if (values_.crc32)
        crc32_ ^= format::crc32_share(format::crc32(hashed), tensor_->data.bytes);
    if (sha256_)
        sha256_->update(hashed);
}

void TensorSave::add_crc32(std::span<const std::byte> plain, std::uint64_t offset) {
    if (!values_.crc32)
        return;
    const std::uint64_t behind = tensor_->data.bytes - offset - plain.size();
    crc32_ ^= format::crc32_share(format::crc32(plain), behind);
}

void TensorSave::seal(std::span<std::byte> plain, std::uint64_t offset, const format::Secret& key) {
    format::Seal& seal = *values_.seal;
    for (std::uint64_t at = 0; at < plain.size(); at += seal.piece_bytes) {
        const auto piece =
            plain.subspan(at, std::min<std::uint64_t>(seal.piece_bytes, plain.size() - at));
        const std::uint64_t index = (offset + at) / seal.piece_bytes;
        seal.macs[index] =
            format::seal_piece(piece, piece, format::piece_nonce(seal.nonce, index), key);
    }
}

std::vector<std::byte> TensorSave::finish() {
    finished_ = true;
    if (!layout_->has_headers())
        return {};
    if (values_.crc32)
        values_.crc32 = crc32_;
    if (sha256_)
        values_.sha256 = sha256_->finish();
    sha256_.reset();
    auto header = format::write_header(*tensor_, *layout_, values_);
    values_.seal.reset();
    return header;
}

} // namespace tz
