#include <tz/engine/load_options.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/memory.hpp>
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
    return format::tensor_label(tensor.name);
}

[[noreturn]] void missing_hash(const char* hash, const format::Tensor& tensor) {
    throw Error(
        errc::integrity,
        quoted(tensor) + " has no " + hash + " though its verification was asked for",
        tensor.header.offset,
        "choose another --verify, or write the file anew with hashes");
}

Error wrong_hash(const char* hash, const format::Tensor& tensor) {
    return Error(
        errc::integrity,
        std::string(hash) + " of " + quoted(tensor) + " does not fit its bytes",
        tensor.header.offset,
        "the file is damaged; fetch or write it again");
}

/// By the manifest of its file, if it has one.
void check_by_manifest(
    const LoadOptions& options,
    const Item& item,
    const format::TensorHeader& header,
    std::span<const std::byte> bytes,
    Checks& checks) {
    const CheckedManifest* manifest = manifest_of(options, item.source);
    if (manifest == nullptr || bytes.empty())
        return;
    const format::Tensor& tensor = *item.tensor;
    const auto place = static_cast<std::size_t>(&tensor - item.layout->tensors.data());
    if (format::sha256(bytes) != manifest->headers[place])
        throw Error(
            errc::integrity,
            "the header of " + quoted(tensor) + " is not the one that the manifest is of",
            tensor.header.offset,
            "the file was changed; fetch it again");
    // its MACs bind the data of a sealed tensor
    if (options.headers_only || header.seal || tensor.data.bytes == 0 || manifest->pieces_checked ||
        pieces_of(options, item.source, *item.layout))
        return;
    if (!header.sha256)
        missing_hash("SHA-256", tensor);
    checks.sha256 = true;
}

/// Opens the pieces of `seal` that `bytes`, which begins `position` bytes into the tensor, holds
/// whole; those that `taken` has are behind us. Ends at the first whose MAC does not fit.
std::optional<DamagedPiece> open_pieces(
    const format::Tensor& tensor,
    const format::Seal& seal,
    std::uint64_t position,
    std::span<std::byte> plain,
    std::span<std::byte> bytes,
    const format::Secret& key,
    Taken& taken,
    JobTimes& times) {
    const JobTimes::Scope scope(times, Stage::decrypt, bytes.size() - taken.opened);
    while (taken.opened < bytes.size()) {
        const std::uint64_t at = taken.opened;
        const std::uint64_t index = (position + at) / seal.piece_bytes;
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(seal.piece_bytes, bytes.size() - at));
        const bool opened = format::open_piece(
            plain.subspan(at, size),
            bytes.subspan(at, size),
            seal.macs[index],
            format::piece_nonce(seal.nonce, index),
            key);
        if (!opened) {
            const std::uint64_t offset = tensor.data.offset + position + at;
            Error error(
                errc::auth,
                "the MAC of piece " + std::to_string(index) + " of " + quoted(tensor) +
                    " does not fit",
                offset,
                "the key is wrong or the file was changed");
            return DamagedPiece{std::move(error), offset, bytes.subspan(at, size)};
        }
        taken.opened += size;
    }
    return {};
}

/// Where the ciphertext of a gathered tensor is collected.
std::span<std::byte> gathered_bytes(const Item& item, const Arrival& arrival) {
    return arrival.scratch ? arrival.scratch->bytes().first(item.read.bytes) : arrival.destination;
}

// Smaller writes leave it to the page fault, which is no dearer than asking.
constexpr std::size_t touched_min = 64 << 10;

/// Before plaintext or a copy is written: two workers that write to neighbouring chunks would both
/// clear the huge page between them.
void touch_home(std::span<std::byte> home, JobTimes& times) {
    if (home.size() < touched_min)
        return;
    const JobTimes::Scope scope(times, Stage::copy, 0);
    HostMemory::touch(home);
}

// The copied bytes are hashed while they are still in the cache next to the core.
constexpr std::size_t copy_step_bytes = 64 << 10;

void copy_bytes(std::span<std::byte> to, std::span<const std::byte> from, JobTimes& times) {
    const JobTimes::Scope scope(times, Stage::copy, from.size());
    std::memcpy(to.data(), from.data(), from.size());
}

format::Crc32 crc32(std::span<const std::byte> bytes, format::Crc32 crc, JobTimes& times) {
    const JobTimes::Scope scope(times, Stage::verify, bytes.size());
    return format::crc32(bytes, crc);
}

format::Crc32
copy_crc32(std::span<std::byte> to, std::span<const std::byte> from, JobTimes& times) {
    format::Crc32 crc = 0;
    for (std::size_t done = 0; done < from.size(); done += copy_step_bytes) {
        const std::size_t step = std::min(copy_step_bytes, from.size() - done);
        const std::span<std::byte> copied = to.subspan(done, step);
        copy_bytes(copied, from.subspan(done, step), times);
        // of the copy, not of the source: a mapped source can change in between
        crc = crc32(copied, crc, times);
    }
    return crc;
}

} // namespace

void check_hashes_exist(const format::Layout& layout, const LoadOptions& options) {
    const bool asked = options.verify != Verify::automatic && options.verify != Verify::none;
    if (!asked || layout.has_headers())
        return;
    throw Error(
        errc::integrity,
        "safetensors files hold no hashes, and their verification was asked for",
        {},
        "load with --verify none, and compare what `tz checksum` says with a known value");
}

Checks
choose_checks(Verify verify, const format::TensorHeader& header, const format::Tensor& tensor) {
    const bool crc32 = header.crc32.has_value();
    const bool sha256 = header.sha256.has_value();
    switch (verify) {
    case Verify::automatic:
        return header.seal ? Checks{} : Checks{crc32, sha256 && !crc32};
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

bool tiles(const Item& item, std::uint64_t piece_bytes, std::size_t chunk_bytes) {
    return fits_one_chunk(item, item.read, chunk_bytes) ||
           sealed_cut_bytes(chunk_bytes) % piece_bytes == 0;
}

void Transform::take_header(std::uint32_t index, std::span<const std::byte> bytes) const {
    const Item& item = items[index];
    const auto& tensor = *item.tensor;
    Arrival& arrival = arrivals[index];
    if (!bytes.empty())
        arrival.header = format::parse_header(bytes, tensor, *item.layout);
    auto hashed = std::exchange(arrival.header.hashed, {}); // a file may make it 64 MiB
    if (options.header_digests)
        arrival.header_digest = format::sha256(bytes);
    Checks by_manifest;
    check_by_manifest(options, item, arrival.header, bytes, by_manifest);
    if (headers_only) {
        if (options.keep_headers)
            arrival.header.hashed = std::move(hashed);
        else
            arrival.header = {};
        return;
    }
    const auto& header = arrival.header;
    const bool hashed_by_pieces = pieces_of(options, item.source, *item.layout) != nullptr;
    if (item.whole && (header.crc32 || header.sha256 || !hashed_by_pieces))
        arrival.checks = choose_checks(options.verify, header, tensor);
    arrival.checks.sha256 = arrival.checks.sha256 || by_manifest.sha256;
    if (header.seal) {
        arrival.gathered = !tiles(item, header.seal->piece_bytes, chunk_bytes);
        arrival.ungathered = item.read.bytes;
    }
    if (arrival.checks.crc32)
        arrival.crc32 = format::crc32_share(format::crc32(hashed), tensor.data.bytes);
    if (arrival.checks.sha256) {
        arrival.sha256 = std::make_unique<format::Sha256Stream>();
        arrival.sha256->update(hashed);
    }
    if (options.digests)
        arrival.digest = std::make_unique<format::Sha256Stream>();
}

/// Collects the ciphertext. True for who brings the last of it.
bool Transform::gather(
    const Segment& segment, std::span<std::byte> bytes, Taken& taken, JobTimes& times) const {
    if (std::exchange(taken.gathered, true))
        return true; // and comes back for a piece that was damaged
    const Item& item = items[segment.item];
    Arrival& arrival = arrivals[segment.item];
    const std::uint64_t at = segment.range.offset - item.read.offset;
    copy_bytes(gathered_bytes(item, arrival).subspan(at, bytes.size()), bytes, times);
    return arrival.ungathered.fetch_sub(bytes.size()) == bytes.size();
}

std::optional<DamagedPiece> Transform::take_data(
    const Segment& segment,
    std::span<std::byte> bytes,
    const format::Secret* key,
    Taken& taken,
    JobTimes& times) const {
    const Item& item = items[segment.item];
    const auto& tensor = *item.tensor;
    Arrival& arrival = arrivals[segment.item];
    std::uint64_t position = segment.range.offset - tensor.data.offset;
    const bool home = item.linear() && !arrival.destination.empty();
    std::span<std::byte> plain = bytes;
    if (home)
        plain = arrival.destination.subspan(segment.range.offset - item.read.offset, bytes.size());
    if (plain.data() != bytes.data())
        touch_home(plain, times);
    std::optional<format::Crc32> crc;

    if (arrival.gathered) {
        if (!gather(segment, bytes, taken, times)) {
            taken.done = true;
            return {};
        }
        position = item.read.offset - tensor.data.offset;
        plain = bytes = gathered_bytes(item, arrival);
    }
    if (arrival.header.seal) {
        if (auto damaged = open_pieces(
                tensor, *arrival.header.seal, position, plain, bytes, *key, taken, times))
            return damaged;
    } else if (plain.data() != bytes.data() && arrival.checks.crc32) {
        crc = copy_crc32(plain, bytes, times);
    } else if (plain.data() != bytes.data()) {
        copy_bytes(plain, bytes, times);
    }
    if (arrival.checks.crc32) {
        if (!crc)
            crc = crc32(plain, 0, times);
        const std::uint64_t behind = tensor.data.bytes - position - plain.size();
        taken.crc32 = format::crc32_share(*crc, behind);
    }
    if (!home && !arrival.destination.empty()) {
        JobTimes::Scope scope(times, Stage::copy, 0);
        scope.add(copy_runs(item.runs, position, plain, arrival.destination));
    }
    taken.plain = plain;
    taken.done = true;
    return {};
}

void Transform::list_hashes(
    std::uint32_t index,
    std::span<const std::byte> plain,
    std::vector<format::Sha256Part>& parts) const {
    Arrival& arrival = arrivals[index];
    if (arrival.sha256)
        parts.push_back({&*arrival.sha256, plain});
    // a byte of data that stands for an empty tensor is no plaintext
    if (arrival.digest && items[index].tensor->bytes > 0)
        parts.push_back({&*arrival.digest, plain});
}

bool Transform::count(std::uint32_t index, std::uint64_t bytes, format::Crc32 crc32) const {
    Arrival& arrival = arrivals[index];
    arrival.crc32 ^= crc32; // before the bytes count
    return arrival.missing.fetch_sub(bytes) == bytes;
}

std::optional<Error> Transform::settle(std::uint32_t index) const {
    const auto& tensor = *items[index].tensor;
    Arrival& arrival = arrivals[index];
    if (headers_only)
        return {};
    if (arrival.checks.crc32 && arrival.crc32 != *arrival.header.crc32)
        return wrong_hash("CRC-32", tensor);
    if (arrival.sha256 && arrival.sha256->finish() != *arrival.header.sha256)
        return wrong_hash("SHA-256", tensor);
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
    if (!options.keep_headers)
        arrival.header = {};
    return {};
}

} // namespace tz
