#include <tz/engine/transform.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/seal.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tz {

namespace {

std::string quoted(const format::Tensor& tensor) {
    return "tensor '" + format::display_name(tensor.name) + "'";
}

[[noreturn]] void missing_hash(const char* hash, const format::Tensor& tensor) {
    throw Error(
        errc::integrity,
        quoted(tensor) + " has no " + hash + " though its verification was asked for",
        tensor.header.offset,
        "choose another --verify, or write the file anew with hashes");
}

[[noreturn]] void wrong_hash(const char* hash, const format::Tensor& tensor) {
    throw Error(
        errc::integrity,
        std::string(hash) + " of " + quoted(tensor) + " does not fit its bytes",
        tensor.header.offset,
        "the file is damaged; fetch or write it again");
}

/// Opens the pieces of `seal` that `bytes`, which begins `position` bytes into the tensor, holds
/// whole.
void open_pieces(
    const format::Tensor& tensor,
    const format::Seal& seal,
    std::uint64_t position,
    std::span<std::byte> plain,
    std::span<const std::byte> bytes,
    const format::Secret& key) {
    for (std::size_t at = 0; at < bytes.size();) {
        const std::uint64_t index = (position + at) / seal.piece_bytes;
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(seal.piece_bytes, bytes.size() - at));
        const bool opened = format::open_piece(
            plain.subspan(at, size),
            bytes.subspan(at, size),
            seal.macs[index],
            format::piece_nonce(seal.nonce, index),
            key);
        if (!opened)
            throw Error(
                errc::auth,
                "the MAC of piece " + std::to_string(index) + " of " + quoted(tensor) +
                    " does not fit",
                tensor.data.offset + position + at,
                "the key is wrong or the file was changed");
        at += size;
    }
}

/// Whether every chunk of the tensor's data holds whole pieces. Chunks of sealed data are cut at
/// multiples of the usual piece, or of the largest power of two in a smaller chunk.
bool tiles(const format::Tensor& tensor, const format::Seal& seal, std::size_t chunk_bytes) {
    if (tensor.header.bytes + tensor.data.bytes <= chunk_bytes)
        return true; // in one chunk
    return sealed_cut_bytes(chunk_bytes) % seal.piece_bytes == 0;
}

} // namespace

Checks
choose_checks(Verify verify, const format::TensorHeader& header, const format::Tensor& tensor) {
    const bool crc32 = header.crc32.has_value();
    const bool sha256 = header.sha256.has_value();
    switch (verify) {
    case Verify::automatic:
        return {crc32 && !header.seal, false};
    case Verify::none:
        return {};
    case Verify::crc32:
        if (!crc32)
            missing_hash("CRC-32", tensor);
        return {true, false};
    case Verify::sha256:
        if (!sha256)
            missing_hash("SHA-256", tensor);
        return {false, true};
    case Verify::all:
        if (!crc32 && !sha256)
            missing_hash("hash", tensor);
        return {crc32, sha256};
    }
    return {};
}

void Transform::take_header(std::uint32_t index, std::span<const std::byte> bytes) const {
    const auto& tensor = layout.tensors[index];
    Arrival& arrival = arrivals[index];
    arrival.header = format::parse_header(bytes, tensor, layout);
    const auto hashed = std::exchange(arrival.header.hashed, {}); // a file may make it 64 MiB
    if (options.headers_only)
        return;
    const auto& header = arrival.header;
    arrival.checks = choose_checks(options.verify, header, tensor);
    if (header.seal) {
        arrival.gathered = !tiles(tensor, *header.seal, chunk_bytes);
        arrival.ungathered = tensor.data.bytes;
    }
    if (arrival.checks.crc32)
        arrival.crc32 = format::crc32_share(format::crc32(hashed), tensor.data.bytes);
    if (arrival.checks.sha256) {
        arrival.sha256.emplace();
        arrival.sha256->update(hashed);
    }
    if (options.digests)
        arrival.digest.emplace();
}

std::span<const std::byte> Transform::take_data(
    const Segment& segment, std::span<std::byte> bytes, const format::Secret* key) const {
    const auto& tensor = layout.tensors[segment.tensor];
    Arrival& arrival = arrivals[segment.tensor];
    std::uint64_t position = segment.range.offset - tensor.data.offset;
    std::span<std::byte> plain = bytes;
    if (!arrival.destination.empty())
        plain = arrival.destination.subspan(position, bytes.size());

    if (arrival.gathered) {
        std::memcpy(plain.data(), bytes.data(), bytes.size());
        if (arrival.ungathered.fetch_sub(bytes.size()) != bytes.size())
            return {};
        plain = arrival.destination;
        position = 0;
        open_pieces(tensor, *arrival.header.seal, 0, plain, plain, *key);
    } else if (arrival.header.seal) {
        open_pieces(tensor, *arrival.header.seal, position, plain, bytes, *key);
    } else if (plain.data() != bytes.data() && arrival.checks.crc32) {
        const auto crc = format::copy_crc32(plain, bytes);
        arrival.crc32 ^= format::crc32_share(crc, tensor.data.bytes - position - plain.size());
        return plain;
    } else if (plain.data() != bytes.data()) {
        std::memcpy(plain.data(), bytes.data(), bytes.size());
    }
    if (arrival.checks.crc32)
        arrival.crc32 ^=
            format::crc32_share(format::crc32(plain), tensor.data.bytes - position - plain.size());
    return plain;
}

void Transform::hash(std::uint32_t tensor, std::span<const std::byte> plain) const {
    Arrival& arrival = arrivals[tensor];
    if (arrival.sha256)
        arrival.sha256->update(plain);
    // a byte of data that stands for an empty tensor is no plaintext
    if (arrival.digest && layout.tensors[tensor].bytes > 0)
        arrival.digest->update(plain);
}

bool Transform::finish(std::uint32_t index, std::uint64_t bytes) const {
    const auto& tensor = layout.tensors[index];
    Arrival& arrival = arrivals[index];
    if (arrival.missing.fetch_sub(bytes) != bytes)
        return false;
    if (options.headers_only)
        return true;
    if (arrival.checks.crc32 && arrival.crc32 != *arrival.header.crc32)
        wrong_hash("CRC-32", tensor);
    if (arrival.sha256 && arrival.sha256->finish() != *arrival.header.sha256)
        wrong_hash("SHA-256", tensor);
    if (arrival.digest) {
        static const std::vector<std::byte> zeros(1 << 20);
        for (std::uint64_t left = tensor.meta() ? tensor.bytes : 0; left > 0;) {
            const auto size = std::min<std::uint64_t>(left, zeros.size());
            arrival.digest->update(std::span(zeros).first(size));
            left -= size;
        }
        arrival.digest_value = arrival.digest->finish();
    }
    arrival.sha256.reset();
    arrival.digest.reset();
    arrival.scratch.reset();
    if (!options.keep_headers)
        arrival.header = {};
    return true;
}

} // namespace tz
