#include "support/bytes.hpp"
#include <tz/format/checksum.hpp>
#include <tz/format/hash.hpp>

#include <boost/crc.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace tz::format {
namespace {

using namespace tz::test;

std::string hex_of(ChecksumKind kind, std::span<const std::byte> bytes, std::size_t step) {
    ChecksumStream stream(kind);
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(step, bytes.size())))
        stream.update(bytes.first(std::min(step, bytes.size())));
    const Checksum checksum = stream.finish();
    EXPECT_EQ(checksum.kind, kind);
    EXPECT_EQ(checksum.bytes.size(), bytes_of(kind));
    return hex(checksum.bytes);
}

TEST(Checksum, IsWhatEverybodyComputes) {
    const struct {
        ChecksumKind kind;
        const char* name;
        const char* hex;
    } rows[] = {
        {ChecksumKind::sha256,
         "SHA-256",
         "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
        {ChecksumKind::sha1, "SHA-1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
        {ChecksumKind::md5, "MD5", "25f9e794323b453885f5181f1b624d0b"},
        {ChecksumKind::crc64nvme, "CRC-64/NVME", "ae8b14860a799888"},
        {ChecksumKind::crc32c, "CRC-32C", "e3069283"},
        {ChecksumKind::crc32, "CRC-32", "cbf43926"},
    };

    for (const auto& row : rows) {
        EXPECT_STREQ(name_of(row.kind), row.name);
        for (const std::size_t step : {1, 4, 9})
            EXPECT_EQ(hex_of(row.kind, from_text("123456789"), step), row.hex) << row.name;
    }
}

TEST(Checksum, Crc64IsTheOneOfBoostToo) {
    const Bytes bytes = random_bytes(100'003, 5);
    boost::crc_optimal<64, 0xad93d23594c93659, ~0ull, ~0ull, true, true> twin;
    twin.process_bytes(bytes.data(), bytes.size());
    std::array<std::byte, 8> expected{};
    for (unsigned i = 0; i < 8; ++i)
        expected[i] = static_cast<std::byte>(twin.checksum() >> (56 - 8 * i));
    for (const std::size_t step : {13, 4096, 200'000})
        EXPECT_EQ(hex_of(ChecksumKind::crc64nvme, bytes, step), hex(expected)) << step;
}

} // namespace
} // namespace tz::format
