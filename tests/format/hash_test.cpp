#include "support/bytes.hpp"
#include <tz/format/hash.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tz::format {
namespace {

using namespace tz::test;

TEST(Crc32, IsZlibs) {
    EXPECT_EQ(crc32(from_text("123456789")), 0xCBF43926u);
    EXPECT_EQ(crc32({}), 0u);
}

TEST(Crc32, ContinuesFromAnEarlierPart) {
    EXPECT_EQ(crc32(from_text("6789"), crc32(from_text("12345"))), 0xCBF43926u);
    EXPECT_EQ(crc32({}, 0xCBF43926u), 0xCBF43926u);
}

TEST(Crc32, OfAWholeIsTheXorOfSharesInAnyOrder) {
    std::mt19937 random(17);
    const Bytes whole = random_bytes(100'000, 1);
    for (int round = 0; round < 20; ++round) {
        std::vector<std::pair<std::size_t, std::size_t>> pieces;
        for (std::size_t start = 0; start < whole.size();) {
            const std::size_t end = std::min(whole.size(), start + random() % 9000);
            pieces.emplace_back(start, end); // some of them empty
            start = end;
        }
        std::shuffle(pieces.begin(), pieces.end(), random);
        Crc32 sum = 0;
        for (const auto& [start, end] : pieces)
            sum ^= crc32_share(
                crc32(std::span(whole).subspan(start, end - start)), whole.size() - end);
        EXPECT_EQ(sum, crc32(whole));
    }
}

TEST(Crc32, HasSharesInWholesOfManyGigabytes) {
    // a piece, then 5 GiB: as if shifted once by 2 and once by 3
    const Crc32 crc = crc32(from_text("piece"));
    EXPECT_EQ(crc32_share(crc, 5ull << 30), crc32_share(crc32_share(crc, 2ull << 30), 3ull << 30));
}

TEST(Crc32c, OfAWholeIsTheXorOfSharesToo) {
    const Bytes whole = random_bytes(100'000, 2);
    const auto all = std::span<const std::byte>(whole);
    for (const std::size_t cut : {0u, 1u, 7u, 4096u, 99'999u, 100'000u})
        EXPECT_EQ(
            crc32c_share(crc32c(all.first(cut)), whole.size() - cut) ^ crc32c(all.subspan(cut)),
            crc32c(all))
            << cut;
    const std::uint32_t crc = crc32c(all);
    EXPECT_EQ(
        crc32c_share(crc, 5ull << 30), crc32c_share(crc32c_share(crc, 2ull << 30), 3ull << 30));
}

TEST(Hex, WritesLowerCase) {
    EXPECT_EQ(hex(from_hex("00 0f A5 ff")), "000fa5ff");
}

} // namespace
} // namespace tz::format
