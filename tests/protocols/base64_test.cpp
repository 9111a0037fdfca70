#include <tz/protocols/base64.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tz {
namespace {

struct Row {
    const char* plain;
    const char* text;
};

TEST(Base64, FitsTheVectorsOfRfc4648) {
    const Row rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    for (const auto& [plain, text] : rows) {
        const auto bytes = std::as_bytes(std::span(std::string_view(plain)));
        EXPECT_EQ(encode_base64(bytes), text);
        std::vector<std::byte> decoded(bytes.size());
        ASSERT_TRUE(decode_base64(text, decoded)) << text;
        EXPECT_TRUE(std::ranges::equal(decoded, bytes)) << text;
    }
}

TEST(Base64, IsCanonicalAndOfTheLengthThatIsMeant) {
    std::byte one[1];
    std::byte three[3];
    for (const char* text : {"", "Zg", "Zg=", "Zg==\n", "Zh==", "Z===", "Zg=A", "Z-==", "Zm9v"})
        EXPECT_FALSE(decode_base64(text, one)) << text;
    for (const char* text : {"Zg==", "Zm8=", "Zm9", "Zm9v ", "Zm_v", "Zm=v"})
        EXPECT_FALSE(decode_base64(text, three)) << text;
}

} // namespace
} // namespace tz
