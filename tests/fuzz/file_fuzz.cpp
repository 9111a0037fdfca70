// An input is a whole file. It is loaded in several ways (chunks small and large, to memory and to
// nowhere, with and without hashes), and each must do exactly what a plain reading of the file by
// its headers does: the same bytes, or an error where that has one.
#include "memory_bound.hpp"
#include "memory_load.hpp"
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace {

using namespace tz::format;
using tz::Verify;
using tz::test::MemoryLoad;
using tz::test::MemoryLoadOptions;
using Bytes = MemoryLoad::Bytes;
using tz::test::require;

// More than this is not loaded here; load() compares with the memory there is.
constexpr std::uint64_t total_bytes_max = 1 << 20;

/// The key 00 01 02 .. 1f, which the seeds are sealed with.
const Secret& key() {
    static const Secret the_key = [] {
        Bytes bytes(key_bytes);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(i);
        return Secret(bytes);
    }();
    return the_key;
}

/// What a file holds, read in the simplest way.
struct Content {
    std::vector<Bytes> tensors;
    bool hashed = true;     ///< every tensor has a hash
    bool hashes_fit = true; ///< those that there are
};

Bytes opened(std::span<const std::byte> sealed, const Seal& seal) {
    Bytes plain(sealed.begin(), sealed.end());
    for (std::size_t i = 0, at = 0; at < plain.size(); ++i, at += seal.piece_bytes) {
        const auto piece = std::span(plain).subspan(
            at, std::min<std::uint64_t>(seal.piece_bytes, plain.size() - at));
        if (!open_piece(piece, piece, seal.macs.at(i), piece_nonce(seal.nonce, i), key()))
            throw tz::Error(tz::errc::auth, "a MAC does not fit");
    }
    return plain;
}

Content read(const Layout& layout, std::span<const std::byte> file) {
    Content content;
    for (const Tensor& tensor : layout.tensors) {
        const auto header =
            parse_header(file.subspan(tensor.header.offset, tensor.header.bytes), tensor, layout);
        const auto data = file.subspan(tensor.data.offset, tensor.data.bytes);
        Bytes plain = header.seal ? opened(data, *header.seal) : Bytes(data.begin(), data.end());
        Bytes covered = header.hashed;
        covered.insert(covered.end(), plain.begin(), plain.end());
        content.hashed &= header.crc32.has_value() || header.sha256.has_value();
        content.hashes_fit &= !header.crc32 || *header.crc32 == crc32(covered);
        content.hashes_fit &= !header.sha256 || *header.sha256 == sha256(covered);
        plain.resize(tensor.bytes); // zeros for one without data; a dummy byte is none of it
        content.tensors.push_back(std::move(plain));
    }
    return content;
}

/// Loads in one way; whether that succeeded.
bool load_equals(
    const Layout& layout,
    std::span<const std::byte> file,
    const std::optional<Content>& expected,
    const MemoryLoadOptions& how) {
    try {
        const MemoryLoad loaded(layout, file, key(), how);
        require(expected.has_value() && loaded.complete());
        require(loaded.tensors() == expected->tensors);
        for (std::size_t i = 0; i < layout.tensors.size(); ++i)
            require(loaded.digest(i) == sha256(expected->tensors[i]));
        return true;
    } catch (const tz::Error& error) {
        require(error.offset().has_value() && !error.hint().empty());
        return false;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = std::as_bytes(std::span(data, size));
    Layout layout;
    try {
        const tz::test::MemoryBound bound(size);
        const std::uint64_t index =
            index_bytes(file.first(std::min<std::size_t>(size, prefix_bytes)), size);
        layout = parse_index(file.first(index), size);
    } catch (const tz::Error&) {
        return 0; // index_fuzz has its errors
    }
    if (layout.total_bytes() > total_bytes_max)
        return 0;
    std::optional<Content> content;
    try {
        content = read(layout, file);
    } catch (const tz::Error&) {
    }
    const bool loads = content.has_value();
    const bool verifies = loads && content->hashed && content->hashes_fit;
    const MemoryLoadOptions small{4096, Verify::none, true, true};
    const MemoryLoadOptions nowhere{4096, Verify::none, false, false};
    const MemoryLoadOptions verified{64 << 10, Verify::all, true, false};
    require(load_equals(layout, file, content, small) == loads);
    require(load_equals(layout, file, content, nowhere) == loads);
    require(load_equals(layout, file, content, verified) == verifies);
    return 0;
}
