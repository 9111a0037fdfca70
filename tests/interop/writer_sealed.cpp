#include <tz/format/hash.hpp>
#include <tz/format/tensorizer.hpp>
#include <tz/tests/interop/writer_sealed.hpp>

#include <algorithm>
#include <cstdint>
#include <span>

namespace tz::interop {

namespace {

using format::HeaderValues;
using Bytes = std::vector<std::byte>;

HeaderValues new_values(const List& list, std::size_t index, const format::WriteOptions& write) {
    HeaderValues values;
    values.module_index = list.tensors[index].spec.module_index;
    values.sha256 = format::Sha256{};
    if (list.nonces[index]) {
        values.seal.emplace();
        values.seal->nonce = *list.nonces[index];
        values.seal->derivation = write.derivation;
    } else {
        values.crc32 = 0;
    }
    return values;
}

void seal(Bytes& data, format::Seal& seal, const format::Secret& key) {
    for (std::size_t at = 0; at < data.size(); at += seal.piece_bytes) {
        const auto rest = std::span(data).subspan(at);
        const auto piece = rest.first(std::min<std::uint64_t>(rest.size(), seal.piece_bytes));
        const auto nonce = format::piece_nonce(seal.nonce, seal.macs.size());
        seal.macs.push_back(format::seal_piece(piece, piece, nonce, key));
    }
}

} // namespace

std::vector<std::byte> sealed_file(const List& list) {
    format::WriteOptions write = format::like_pip_options();
    write.encrypted = true;
    std::shared_ptr<const format::Secret> key = list.options.key;
    if (list.options.password) {
        write.derivation = list.derivation;
        key = std::make_shared<const format::Secret>(
            format::derive_key(*list.options.password, list.derivation));
    }
    std::vector<format::TensorSpec> specs;
    for (const TensorView& view : list.tensors)
        specs.push_back(view.spec);
    const format::Layout layout = format::plan_file(specs, write);
    Bytes file = format::write_index(layout);
    for (std::size_t i = 0; i < list.tensors.size(); ++i) {
        const format::Tensor& tensor = layout.tensors[i];
        HeaderValues values = new_values(list, i, write);
        Bytes data(list.tensors[i].data.begin(), list.tensors[i].data.end());
        Bytes hashed = format::hashed_form(tensor, layout, values);
        hashed.insert(hashed.end(), data.begin(), data.end());
        if (values.crc32)
            values.crc32 = format::crc32(hashed);
        values.sha256 = format::sha256(hashed);
        if (values.seal)
            seal(data, *values.seal, *key);
        const Bytes header = format::write_header(tensor, layout, values);
        file.insert(file.end(), header.begin(), header.end());
        file.insert(file.end(), data.begin(), data.end());
    }
    file.resize(file.size() + format::terminator_bytes);
    return file;
}

} // namespace tz::interop
