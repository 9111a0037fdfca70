// Writing `.tensors` files that pip's tensorizer reads.
#pragma once

#include <tz/format/layout.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// A tensor in the caller's memory, which is only read and must stay until save() returns.
struct TensorView {
    format::TensorSpec spec;
    std::span<const std::byte> data; ///< spec.bytes long
};

struct SaveOptions {
    bool crc32 = true;  ///< never written for encrypted data, as pip does
    bool sha256 = true; ///< for encrypted data this is the hash of the plaintext, in the clear
    std::shared_ptr<const format::Secret> key; ///< 32 bytes: encrypts
    bool aligned = true; ///< data at multiples of 4096 or 64; false: packed as pip does
    std::uint64_t piece_bytes = format::usual_piece_bytes;
};

/// Writes the file under a temporary name beside `path`, makes it durable, and gives it its name:
/// `path` holds the old file or the whole new one. Throws `tz::Error`; then the temporary file is
/// gone.
void save(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options = {});

} // namespace tz
