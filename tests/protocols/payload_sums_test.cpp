// Expected values by Python's hashlib and a bitwise CRC-32C.
#include <tz/protocols/payload_sums.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tz {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(PayloadSums, AreWhatHeadersSay) {
    const PayloadSums sums = payload_sums(bytes_of("123456789"), {true, true, true});
    EXPECT_EQ(sums.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    EXPECT_EQ(sums.md5, "JfnnlDI7RTiF9RgfG2JNCw==");
    EXPECT_EQ(crc32c_text(sums.crc32c), "4waSgw==");
}

TEST(PayloadSums, AreThoseThatAreWanted) {
    const PayloadSums sums = payload_sums(bytes_of("123456789"), {});
    EXPECT_EQ(sums.sha256, "");
    EXPECT_EQ(sums.md5, "");
    EXPECT_EQ(sums.crc32c, 0u);
}

TEST(PayloadSums, HaveSharesInTheWhole) {
    const auto crc = [](std::string_view text) {
        return payload_sums(bytes_of(text), {false, false, true}).crc32c;
    };
    EXPECT_EQ(crc32c_of_whole(crc("12345"), 4) ^ crc("6789"), 0xe3069283u);
    EXPECT_EQ(crc32c_text(0), "AAAAAA==");
}

} // namespace
} // namespace tz
