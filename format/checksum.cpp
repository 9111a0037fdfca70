#include <tz/format/checksum.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>

#include <openssl/evp.h>

#include <array>
#include <new>
#include <string>

namespace tz::format {

namespace {

/// Of CRC-64/NVME, for eight bytes at a time: entry [n][b] is what byte `b` leaves when `n` more
/// bytes follow. ISA-L has this CRC from 2.31 on only.
using Crc64Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Crc64Tables make_crc64_tables() {
    constexpr std::uint64_t polynomial = 0x9a6c9329ac4bc9b5; // its bits from right to left
    Crc64Tables tables{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        std::uint64_t crc = byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (unsigned n = 1; n < 8; ++n)
        for (unsigned byte = 0; byte < 256; ++byte) {
            const std::uint64_t before = tables[n - 1][byte];
            tables[n][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    return tables;
}

constexpr Crc64Tables crc64_tables = make_crc64_tables();

std::uint64_t crc64nvme(std::span<const std::byte> bytes, std::uint64_t crc) {
    crc = ~crc;
    const Crc64Tables& tables = crc64_tables;
    while (bytes.size() >= 8) {
        for (unsigned i = 0; i < 8; ++i)
            crc ^= std::to_integer<std::uint64_t>(bytes[i]) << 8 * i;
        std::uint64_t next = 0;
        for (unsigned i = 0; i < 8; ++i)
            next ^= tables[7 - i][(crc >> 8 * i) & 0xff];
        crc = next;
        bytes = bytes.subspan(8);
    }
    for (const std::byte byte : bytes)
        crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<std::uint64_t>(byte)) & 0xff];
    return ~crc;
}

std::vector<std::byte> big_endian(std::uint64_t value, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[size - 1 - i] = static_cast<std::byte>(value >> 8 * i);
    return bytes;
}

const EVP_MD* openssl_kind(ChecksumKind kind) {
    if (kind == ChecksumKind::sha1)
        return ::EVP_sha1();
    return kind == ChecksumKind::md5 ? ::EVP_md5() : nullptr;
}

void check(int result, ChecksumKind kind) {
    if (result != 1) // as where only FIPS's digests are allowed
        throw Error(errc::unsupported, std::string("OpenSSL has no ") + name_of(kind) + " here");
}

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

} // namespace

const char* name_of(ChecksumKind kind) {
    static constexpr const char* names[] = {
        "SHA-256", "SHA-1", "MD5", "CRC-64/NVME", "CRC-32C", "CRC-32"};
    return names[static_cast<std::size_t>(kind)];
}

std::size_t bytes_of(ChecksumKind kind) {
    static constexpr std::size_t sizes[] = {32, 20, 16, 8, 4, 4};
    return sizes[static_cast<std::size_t>(kind)];
}

struct ChecksumStream::Sum {
    std::unique_ptr<EVP_MD_CTX, FreeContext> openssl; ///< of MD5 and SHA-1
    Sha256Stream sha256;
    std::uint64_t crc = 0;
};

ChecksumStream::ChecksumStream(ChecksumKind kind) : kind_(kind), sum_(std::make_unique<Sum>()) {
    if (const EVP_MD* digest = openssl_kind(kind)) {
        sum_->openssl.reset(::EVP_MD_CTX_new());
        if (!sum_->openssl)
            throw std::bad_alloc();
        check(::EVP_DigestInit_ex(sum_->openssl.get(), digest, nullptr), kind);
    }
}

ChecksumStream::~ChecksumStream() = default;

void ChecksumStream::update(std::span<const std::byte> bytes) {
    switch (kind_) {
    case ChecksumKind::sha256:
        return sum_->sha256.update(bytes);
    case ChecksumKind::sha1:
    case ChecksumKind::md5:
        return check(::EVP_DigestUpdate(sum_->openssl.get(), bytes.data(), bytes.size()), kind_);
    case ChecksumKind::crc64nvme:
        sum_->crc = crc64nvme(bytes, sum_->crc);
        break;
    case ChecksumKind::crc32c:
        sum_->crc = crc32c(bytes, static_cast<std::uint32_t>(sum_->crc));
        break;
    case ChecksumKind::crc32:
        sum_->crc = crc32(bytes, static_cast<Crc32>(sum_->crc));
        break;
    }
}

Checksum ChecksumStream::finish() {
    Checksum checksum{kind_, {}};
    if (kind_ == ChecksumKind::sha256) {
        const Sha256 digest = sum_->sha256.finish();
        checksum.bytes.assign(digest.begin(), digest.end());
    } else if (sum_->openssl) {
        checksum.bytes.resize(bytes_of(kind_));
        auto* to = reinterpret_cast<unsigned char*>(checksum.bytes.data());
        check(::EVP_DigestFinal_ex(sum_->openssl.get(), to, nullptr), kind_);
    } else {
        checksum.bytes = big_endian(sum_->crc, bytes_of(kind_));
    }
    return checksum;
}

} // namespace tz::format
