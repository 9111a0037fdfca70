// Checksums of whole files as servers tell them, and how they are computed. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tz::format {

/// The one that tells most comes first.
enum class ChecksumKind : std::uint8_t { sha256, sha1, md5, crc64nvme, crc32c, crc32 };

struct Checksum {
    ChecksumKind kind;
    std::vector<std::byte> bytes; ///< a CRC's most significant one first

    bool operator==(const Checksum&) const = default;
};

/// "SHA-256"
const char* name_of(ChecksumKind kind);

/// How long one is.
std::size_t bytes_of(ChecksumKind kind);

/// Over bytes that arrive in order.
class ChecksumStream {
public:
    explicit ChecksumStream(ChecksumKind kind);
    ~ChecksumStream();
    ChecksumStream(const ChecksumStream&) = delete;
    ChecksumStream& operator=(const ChecksumStream&) = delete;

    void update(std::span<const std::byte> bytes);
    /// The last call.
    Checksum finish();

private:
    struct Sum;

    const ChecksumKind kind_;
    std::unique_ptr<Sum> sum_;
};

} // namespace tz::format
