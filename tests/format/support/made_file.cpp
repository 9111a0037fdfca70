#include "made_file.hpp"

#include <tz/format/dtype.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/header_parts.hpp>

#include <algorithm>

namespace tz::test {

using namespace tz::format;

Content content(
    std::string name, std::string dtype_code, std::vector<std::uint64_t> shape, TensorKind kind) {
    Content made;
    const std::uint64_t bytes = shape_bytes(shape, parse_dtype(dtype_code, 0).bits / 8).value();
    made.spec = {std::move(name), kind, std::move(dtype_code), std::move(shape), bytes};
    made.data = counting(bytes);
    return made;
}

WriteOptions packed() {
    WriteOptions options;
    options.large_alignment = 1;
    options.small_alignment = 1;
    return options;
}

namespace {

void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

Seal unfinished_seal(const MakeOptions& options) {
    Seal seal;
    seal.piece_bytes = options.write.piece_bytes;
    seal.nonce = options.nonce;
    seal.derivation = options.write.derivation;
    return seal;
}

void seal_data(Bytes& data, Seal& seal, const Secret& key) {
    for (std::size_t start = 0; start < data.size(); start += seal.piece_bytes) {
        const auto piece = std::span(data).subspan(start);
        const auto part = piece.first(std::min<std::size_t>(piece.size(), seal.piece_bytes));
        const Nonce nonce = piece_nonce(seal.nonce, seal.macs.size());
        seal.macs.push_back(seal_piece(part, part, nonce, key));
    }
}

void append_tensor(MadeFile& file, const Tensor& tensor, Bytes data, const MakeOptions& options) {
    HeaderValues values;
    if (options.write.crc32)
        values.crc32 = 0;
    if (options.write.sha256)
        values.sha256.emplace();
    if (options.key != nullptr && tensor.data.bytes != 0)
        values.seal = unfinished_seal(options);
    data.resize(tensor.data.bytes); // the dummy byte of an empty opaque tensor

    Bytes hashed = hashed_form(tensor, file.layout, values);
    append(hashed, data);
    if (values.crc32)
        values.crc32 = crc32(hashed);
    if (values.sha256)
        values.sha256 = sha256(hashed);
    if (values.seal)
        seal_data(data, *values.seal, *options.key);
    append(file.bytes, write_header(tensor, file.layout, values));
    append(file.bytes, data);
}

} // namespace

MadeFile make_file(const std::vector<Content>& tensors, const MakeOptions& options) {
    std::vector<TensorSpec> specs;
    for (const Content& tensor : tensors)
        specs.push_back(tensor.spec);
    WriteOptions write = options.write;
    write.encrypted = options.key != nullptr;
    if (!write.like_pip)
        write.region_bytes_min = 0;

    MadeFile file;
    file.layout = plan_file(specs, write);
    if (options.region_bytes != 0) {
        const std::uint64_t shift = prefix_bytes + options.region_bytes - file.layout.index_bytes;
        file.layout.index_bytes += shift;
        file.layout.file_bytes += shift;
        for (Tensor& tensor : file.layout.tensors) {
            tensor.header.offset += shift;
            tensor.data.offset += shift;
        }
    }
    file.bytes = write_index(file.layout);
    for (std::size_t i = 0; i < tensors.size(); ++i)
        append_tensor(file, file.layout.tensors[i], tensors[i].data, options);
    file.bytes.resize(file.bytes.size() + terminator_bytes);
    return file;
}

EntryPlaces entry_places(const MadeFile& file, std::size_t index) {
    const bool tagged = get<std::uint8_t>(file.bytes, 9) & 2;
    std::size_t at = prefix_bytes;
    EntryPlaces places{};
    for (std::size_t i = 0; i <= index; ++i) {
        const Tensor& tensor = file.layout.tensors[i];
        places.tag = at;
        places.name_length = at + (tagged ? 4 : 0);
        places.name = places.name_length + 2;
        places.kind = places.name + tensor.name.size();
        places.dtype_length = places.kind + 1;
        places.dtype = places.dtype_length + 1;
        places.dimensions = places.dtype + tensor.dtype.code.size();
        places.shape = places.dimensions + 1;
        places.header_offset =
            places.shape + tensor.shape.size() * (tensor.long_dimensions ? 8 : 4);
        places.data_offset = places.header_offset + 8;
        places.data_length = places.header_offset + 16;
        at = places.header_offset + 24;
    }
    return places;
}

HeaderPlaces header_places(const MadeFile& file, std::size_t index) {
    const Tensor& tensor = file.layout.tensors[index];
    HeaderPlaces places{};
    places.length = tensor.header.offset;
    places.module_index = places.length + 8;
    places.kind = places.module_index + 2;
    places.name_length = places.kind + 1;
    places.name = places.name_length + 2;
    places.dtype_length = places.name + tensor.name.size();
    places.dtype = places.dtype_length + 1;
    places.dimensions = places.dtype + tensor.dtype.code.size();
    places.shape = places.dimensions + 1;
    places.hashes_size = places.shape + tensor.shape.size() * (tensor.long_dimensions ? 8 : 4);
    places.hash_count = places.hashes_size + 2;
    places.first_hash = places.hash_count + 1;
    places.crypt_info = places.hash_count + get<std::uint16_t>(file.bytes, places.hashes_size);
    places.data_length = tensor.data.offset - 8;
    return places;
}

Parsed parse_all(const Bytes& bytes) {
    const std::span<const std::byte> all(bytes);
    const auto prefix = all.first(std::min<std::size_t>(all.size(), prefix_bytes));
    Parsed parsed;
    parsed.layout = parse_index(all.first(index_bytes(prefix, all.size())), all.size());
    for (const Tensor& tensor : parsed.layout.tensors)
        parsed.headers.push_back(parse_header(
            all.subspan(tensor.header.offset, tensor.header.bytes), tensor, parsed.layout));
    return parsed;
}

Bytes opened(
    const Bytes& file, const Tensor& tensor, const TensorHeader& header, const Secret* key) {
    Bytes data = slice(file, tensor.data.offset, tensor.data.bytes);
    if (!header.seal)
        return data;
    const Seal& seal = *header.seal;
    for (std::size_t i = 0; i < seal.macs.size(); ++i) {
        const auto piece = std::span(data).subspan(i * seal.piece_bytes);
        const auto part = piece.first(std::min<std::size_t>(piece.size(), seal.piece_bytes));
        EXPECT_TRUE(open_piece(part, part, seal.macs[i], piece_nonce(seal.nonce, i), *key));
    }
    return data;
}

} // namespace tz::test
