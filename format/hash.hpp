// CRC-32 and SHA-256 of bytes in memory. CRC-32 by ISA-L (carry-less multiplication), SHA-256 by
// OpenSSL. Thread-safe but for a Sha256Stream, which one thread uses at a time.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tz::format {

/// CRC-32 as in zlib, continued from `crc` (0 to begin).
Crc32 crc32(std::span<const std::byte> bytes, Crc32 crc = 0);

/// The share that a piece with CRC `crc` has in the CRC of a whole in which `bytes_after` bytes
/// follow it. The CRC of the whole is the XOR of the shares of its pieces, in any order.
Crc32 crc32_share(Crc32 crc, std::uint64_t bytes_after);

/// Copies and returns the CRC of what was copied, in one pass over the memory.
Crc32 copy_crc32(std::span<std::byte> to, std::span<const std::byte> from);

/// A SHA-256 over bytes that arrive in order.
class Sha256Stream {
public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;

    void update(std::span<const std::byte> bytes);
    /// The digest; the stream is spent.
    Sha256 finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One stream and the bytes to continue it with.
struct Sha256Part {
    Sha256Stream* stream;
    std::span<const std::byte> bytes;
};

/// Continues the streams, each with its bytes; no stream may occur twice.
void sha256_update(std::span<const Sha256Part> parts);

Sha256 sha256(std::span<const std::byte> bytes);

/// Lower-case hex digits.
std::string hex(std::span<const std::byte> bytes);

} // namespace tz::format
