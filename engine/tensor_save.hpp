// One tensor on its way into a new file: its hashes, its seal, its header. CPU steps only, which
// run on workers; save_sink.hpp sees to the order.
#pragma once

#include <tz/engine/gate.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/tensorizer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tz {

class TensorSave {
public:
    /// `tensor` of `layout`, which both outlive it.
    void
    begin(const format::Layout& layout, const format::Tensor& tensor, const SaveSettings& settings);

    const format::Tensor& tensor() const { return *tensor_; }

    bool hashed_in_order() const { return sha256_.has_value(); }

    bool sealed() const { return values_.seal.has_value(); }

    /// What the file it comes from says, before the first part: the header is hashed first.
    void start(std::uint16_t module_index);

    /// Takes a part's CRC-32, `offset` bytes into the data. Parts in any order, on any threads.
    void add_crc32(std::span<const std::byte> plain, std::uint64_t offset);

    /// What the next part is to be hashed with.
    format::Sha256Stream& sha256() { return *sha256_; }

    /// Where the part that is hashed next begins. Who hashed one says so.
    Gate& hashed() { return hashed_; }

    /// Seals a part of whole pieces, in place. Parts in any order, on any threads.
    void seal(std::span<std::byte> plain, std::uint64_t offset, const format::Secret& key);

    /// The header, when all parts are through; none where the format has none. Once.
    std::vector<std::byte> finish();

    /// Whether finish() was called.
    bool finished() const { return finished_; }

private:
    const format::Layout* layout_ = nullptr;
    const format::Tensor* tensor_ = nullptr;
    format::HeaderValues values_;
    std::atomic<format::Crc32> crc32_ = 0;
    std::optional<format::Sha256Stream> sha256_;
    Gate hashed_;
    bool finished_ = false;
};

} // namespace tz
