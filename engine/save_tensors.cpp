#include <tz/engine/save_tensors.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

namespace tz {

namespace {

// A core hashes up to three tensors side by side. Of three in a row one is often much the largest
// and would be left alone for most of the time; among more it has company.
constexpr std::size_t tensors_at_once = 16;

// What the file holds of tensors for which the caller has no data: the byte without which pip could
// not open the file, and meta tensors without dimensions. The largest element has 16 bytes.
constexpr std::array<std::byte, 16> zeros{};

constexpr std::size_t length_bytes = 8; // the first field of a header

/// A tensor whose data is in the file and whose header isn't yet.
struct Headless {
    const format::Tensor& tensor;
    std::span<const std::byte> data;
    format::HeaderValues values; ///< the SHA-256 is still to come
    format::Sha256Stream sha256; ///< of what it covers before the data
};

class TensorsWriter {
public:
    TensorsWriter(
        NewFile& file,
        const format::Layout& layout,
        const SaveSettings& settings,
        SaveManifest* manifest)
        : file_(file),
          layout_(layout),
          settings_(settings),
          manifest_(manifest) {}

    /// Writes the data of some tensors and takes their SHA-256 together.
    std::vector<Headless>
    write_data(std::span<const format::Tensor> tensors, std::span<const TensorView> views) {
        std::vector<Headless> written;
        written.reserve(tensors.size());
        for (std::size_t i = 0; i < tensors.size(); ++i)
            written.push_back(write_data(tensors[i], views[i]));
        if (settings_.write.sha256)
            take_sha256(written);
        return written;
    }

    /// Leaves out the first `skipped` bytes of the header.
    void write_header(const Headless& written, std::size_t skipped) {
        const auto header = format::write_header(written.tensor, layout_, written.values);
        if (manifest_ != nullptr)
            manifest_->take_header(
                static_cast<std::size_t>(&written.tensor - layout_.tensors.data()), header);
        file_.write(std::span(header).subspan(skipped), written.tensor.header.offset + skipped);
    }

private:
    Headless write_data(const format::Tensor& tensor, const TensorView& view) {
        std::span<const std::byte> data = view.data;
        if (data.empty())
            data = std::span(zeros).first(tensor.data.bytes);
        Headless written{
            tensor,
            data,
            new_header_values(tensor, view.spec.module_index, settings_),
            format::Sha256Stream()};
        format::HeaderValues& values = written.values;
        const auto hashed = format::hashed_form(tensor, layout_, values);
        if (values.seal)
            write_sealed(tensor, data, *values.seal);
        else
            file_.write(data, tensor.data.offset);
        if (values.crc32)
            values.crc32 = format::crc32(data, format::crc32(hashed));
        if (values.sha256)
            written.sha256.update(hashed);
        return written;
    }

    /// Seals `data` piece by piece into the file; the caller's memory is never changed.
    void write_sealed(
        const format::Tensor& tensor, std::span<const std::byte> data, format::Seal& seal) {
        sealed_.resize(std::min<std::uint64_t>(seal.piece_bytes, data.size()));
        for (std::uint64_t at = 0; at < data.size(); at += seal.piece_bytes) {
            const auto plain =
                data.subspan(at, std::min<std::uint64_t>(seal.piece_bytes, data.size() - at));
            const auto to = std::span(sealed_).first(plain.size());
            const auto nonce = format::piece_nonce(seal.nonce, at / seal.piece_bytes);
            seal.macs.push_back(format::seal_piece(to, plain, nonce, *settings_.key));
            file_.write(to, tensor.data.offset + at);
        }
    }

    static void take_sha256(std::span<Headless> tensors) {
        std::vector<format::Sha256Part> parts;
        parts.reserve(tensors.size());
        for (Headless& written : tensors)
            parts.push_back({&written.sha256, written.data});
        format::sha256_update(parts);
        for (Headless& written : tensors)
            written.values.sha256 = written.sha256.finish();
    }

    NewFile& file_;
    const format::Layout& layout_;
    const SaveSettings& settings_;
    SaveManifest* manifest_;
    std::vector<std::byte> sealed_;
};

} // namespace

std::vector<format::TensorSpec> specs_of(std::span<const TensorView> tensors) {
    std::vector<format::TensorSpec> specs;
    specs.reserve(tensors.size());
    for (const TensorView& tensor : tensors) {
        if (tensor.data.size() != (tensor.spec.meta ? 0 : tensor.spec.bytes))
            throw Error(
                errc::usage,
                format::tensor_label(tensor.spec.name) +
                    ": its data is not as long as its spec says");
        specs.push_back(tensor.spec);
    }
    return specs;
}

void write_tensors(
    NewFile& file,
    const format::Layout& layout,
    std::span<const TensorView> views,
    const SaveSettings& settings,
    FirstHeader first_header,
    SaveManifest* manifest) {
    assert(views.size() <= layout.tensors.size());
    const auto tensors = std::span(layout.tensors).last(views.size());
    TensorsWriter writer(file, layout, settings, manifest);
    for (std::size_t at = 0; at < tensors.size(); at += tensors_at_once) {
        const std::size_t count = std::min(tensors_at_once, tensors.size() - at);
        const auto written =
            writer.write_data(tensors.subspan(at, count), views.subspan(at, count));
        for (const Headless& each : written) {
            const bool first = &each.tensor == tensors.data();
            const bool cut = first && first_header == FirstHeader::without_length;
            writer.write_header(each, cut ? length_bytes : 0);
        }
    }
    const std::array<std::byte, format::terminator_bytes> terminator{};
    file.write(terminator, layout.file_bytes - terminator.size());
}

} // namespace tz
