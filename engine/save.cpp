#include <tz/engine/new_file.hpp>
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace tz {

namespace {

// A core hashes up to three tensors side by side. Of three in a row one is often much the largest
// and would be left alone for most of the time; among more it has company.
constexpr std::size_t tensors_at_once = 16;

/// Seals `data` piece by piece into the file; the caller's memory is never changed.
format::Seal write_sealed(
    NewFile& file,
    const format::Tensor& tensor,
    std::span<const std::byte> data,
    const SaveOptions& options) {
    format::Seal seal;
    seal.piece_bytes = options.piece_bytes;
    seal.nonce = format::random_nonce();
    std::vector<std::byte> sealed(std::min<std::uint64_t>(options.piece_bytes, data.size()));
    for (std::uint64_t at = 0; at < data.size(); at += options.piece_bytes) {
        const auto plain =
            data.subspan(at, std::min<std::uint64_t>(options.piece_bytes, data.size() - at));
        const auto to = std::span(sealed).first(plain.size());
        const auto nonce = format::piece_nonce(seal.nonce, at / options.piece_bytes);
        seal.macs.push_back(format::seal_piece(to, plain, nonce, *options.key));
        file.write(to, tensor.data.offset + at);
    }
    return seal;
}

/// A tensor whose data is in the file and whose header isn't yet.
struct Headless {
    const format::Tensor& tensor;
    std::span<const std::byte> data;
    format::HeaderValues values; ///< the SHA-256 is still to come
    format::Sha256Stream sha256; ///< of what it covers before the data
};

Headless write_data(
    NewFile& file,
    const format::Layout& layout,
    const format::Tensor& tensor,
    std::span<const std::byte> data,
    const SaveOptions& options) {
    // An empty tensor of an opaque type has one byte of data, without which pip could not open the
    // file.
    static constexpr std::byte dummy{};
    if (data.size() < tensor.data.bytes)
        data = {&dummy, 1};
    Headless written{tensor, data, {}, format::Sha256Stream()};
    format::HeaderValues& values = written.values;
    const bool sealed = layout.encrypted && !data.empty();
    if (sealed)
        values.seal = write_sealed(file, tensor, data, options);
    else
        file.write(data, tensor.data.offset);
    // What the hashes cover has the hash fields in it, zeroed: first say which there are.
    if (options.crc32 && !sealed)
        values.crc32 = 0;
    if (options.sha256)
        values.sha256 = format::Sha256{};
    const auto hashed = format::hashed_form(tensor, layout, values);
    if (values.crc32)
        values.crc32 = format::crc32(data, format::crc32(hashed));
    if (values.sha256)
        written.sha256.update(hashed);
    return written;
}

void take_sha256(std::span<Headless> tensors) {
    std::vector<format::Sha256Part> parts;
    parts.reserve(tensors.size());
    for (Headless& written : tensors)
        parts.push_back({&written.sha256, written.data});
    format::sha256_update(parts);
    for (Headless& written : tensors)
        written.values.sha256 = written.sha256.finish();
}

/// Writes tensors `begin` to `end` and takes their SHA-256 together.
void write_tensors(
    NewFile& file,
    const format::Layout& layout,
    std::span<const TensorView> tensors,
    std::size_t begin,
    std::size_t end,
    const SaveOptions& options) {
    std::vector<Headless> written;
    written.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i)
        written.push_back(write_data(file, layout, layout.tensors[i], tensors[i].data, options));
    if (options.sha256)
        take_sha256(written);
    for (const Headless& each : written)
        file.write(
            format::write_header(each.tensor, layout, each.values), each.tensor.header.offset);
}

} // namespace

void save(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options) {
    std::vector<format::TensorSpec> specs;
    specs.reserve(tensors.size());
    for (const TensorView& tensor : tensors) {
        if (tensor.data.size() != tensor.spec.bytes)
            throw Error(errc::usage, "a tensor's data is not as long as its spec says").in(path);
        specs.push_back(tensor.spec);
    }
    format::WriteOptions write;
    write.crc32 = options.crc32;
    write.sha256 = options.sha256;
    write.encrypted = options.key != nullptr;
    write.piece_bytes = options.piece_bytes;
    if (!options.aligned)
        write.large_alignment = write.small_alignment = 1;
    try {
        const format::Layout layout = format::plan_file(specs, write);
        NewFile file(path, Existing::replaced);
        file.write(format::write_index(layout), 0);
        for (std::size_t at = 0; at < tensors.size(); at += tensors_at_once) {
            const std::size_t end = std::min(at + tensors_at_once, tensors.size());
            write_tensors(file, layout, tensors, at, end, options);
        }
        const std::array<std::byte, format::terminator_bytes> terminator{};
        file.write(terminator, layout.file_bytes - terminator.size());
        file.sync();
        file.publish();
    } catch (const Error& error) {
        throw error.in(path);
    }
}

} // namespace tz
