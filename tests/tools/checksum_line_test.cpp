#include <tz/format/hash.hpp>
#include <tz/tools/checksum_line.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

// Lines that GNU sha256sum 9.1 writes for empty files of these names.
TEST(ChecksumLine, IsThatOfSha256sum) {
    const std::string hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const format::Sha256 digest = format::sha256({});
    EXPECT_EQ(checksum_line(digest, "layers.0.weight"), hex + "  layers.0.weight\n");
    EXPECT_EQ(checksum_line(digest, "two words"), hex + "  two words\n");
    EXPECT_EQ(checksum_line(digest, "a\\b"), "\\" + hex + "  a\\\\b\n");
    EXPECT_EQ(checksum_line(digest, "a\nb"), "\\" + hex + "  a\\nb\n");
    EXPECT_EQ(checksum_line(digest, "a\rb"), "\\" + hex + "  a\\rb\n");
    EXPECT_EQ(checksum_line(digest, "a\tb\x1b"), hex + "  a\tb\x1b\n");
    EXPECT_EQ(checksum_line(digest, "é"), hex + "  é\n");
    EXPECT_EQ(checksum_line(digest, ""), hex + "  \n");
}

} // namespace
} // namespace tz::cli
