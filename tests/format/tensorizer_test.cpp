// The format's worked examples, bit by bit.
#include "support/made_file.hpp"
#include <tz/format/hash.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;

constexpr std::size_t header_at = 0x40049;

// float32 [1.0, 2.0] under the name "w", as pip places it.
MadeFile example(const MakeOptions& more) {
    MakeOptions options = more;
    const auto derivation = options.write.derivation;
    options.write = packed();
    options.write.derivation = derivation;
    options.region_bytes = usual_region_bytes;
    Content tensor = content("w", "<f4", {2});
    tensor.data = from_hex("0000803f 00000040");
    return make_file({tensor}, options);
}

Secret derived_key() {
    return Secret(from_hex("970c85e295fbe31a06b8df36b766d53a61aa4093d7dcf5fd90f94dfdc4a7077e"));
}

KeyDerivation derivation() {
    return {1, 8192, counting_array<16>()};
}

TEST(Tensorizer, WritesTheWorkedExample) {
    const MadeFile file = example({});
    ASSERT_EQ(file.bytes.size(), 262307u);
    EXPECT_EQ(file.layout.file_bytes, 262307u);
    EXPECT_EQ(
        hex(slice(file.bytes, 0, 0x6e)),
        hex(from_hex("7c545a527c 01000000"
                     "0000000000000000 0000000000000000 0000000000000000 0000000000000000"
                     "0800000000000000 0000000000000000 0100000000000000 0000040000000000"
                     "0100 77 02 03 3c6634 01 02000000"
                     "4900040000000000 9300040000000000 0800000000000000")));
    EXPECT_EQ(slice(file.bytes, 0x6e, header_at - 0x6e), Bytes(header_at - 0x6e));
    EXPECT_EQ(
        hex(slice(file.bytes, header_at, file.bytes.size() - header_at)),
        hex(from_hex("4a00000000000000 0000 02 0100 77 03 3c6634 01 02000000"
                     "2900 02 00 04 cb217463"
                     "01 20 cebfe1d686b0c0870c05807feea87ce5d9ce419d78b911d329b2046be32d38db"
                     "0800000000000000 0000803f 00000040 0000000000000000")));
}

TEST(Tensorizer, ReadsTheWorkedExample) {
    const MadeFile file = example({});
    const Parsed parsed = parse_all(file.bytes);
    ASSERT_EQ(parsed.layout.tensors.size(), 1u);
    const Tensor& tensor = parsed.layout.tensors[0];
    EXPECT_EQ(tensor.name, "w");
    EXPECT_EQ(tensor.dtype, (DType{"<f4", "float32", 32}));
    EXPECT_EQ(tensor.shape, std::vector<std::uint64_t>{2});
    EXPECT_EQ(tensor.header, (Range{0x40049, 74}));
    EXPECT_EQ(tensor.data, (Range{0x40093, 8}));
    EXPECT_EQ(parsed.headers[0].crc32, 0x637421cbu);
    EXPECT_FALSE(parsed.headers[0].seal);

    Bytes covered = parsed.headers[0].hashed;
    const Bytes data = slice(file.bytes, 0x40093, 8);
    covered.insert(covered.end(), data.begin(), data.end());
    EXPECT_EQ(covered.size(), 82u);
    EXPECT_EQ(crc32(covered), parsed.headers[0].crc32);
    EXPECT_EQ(sha256(covered), parsed.headers[0].sha256);
}

TEST(Tensorizer, WritesTheExampleEncryptedWithARawKey) {
    const Secret key(counting(32));
    MakeOptions options;
    options.key = &key;
    const MadeFile file = example(options);
    EXPECT_EQ(file.layout.version, 3u);
    EXPECT_EQ(hex(slice(file.bytes, 5, 36)), "03000000" + std::string(64, '0'));
    EXPECT_EQ(hex(slice(file.bytes, 0x5e, 8)), "d900040000000000");
    EXPECT_EQ(
        hex(slice(file.bytes, header_at, file.bytes.size() - header_at)),
        hex(from_hex(
            "9000000000000000 0000 02 0100 77 03 3c6634 01 02000000"
            "2300 01 01 20 ae0c37ddc58f3faaaee3a86b6f04b371389d740dc0cf69a4adf466b6604020b6"
            "4400000000000000 0100 3a00000000000000 0200 0000200000000000"
            "404142434445464748494a4b4c4d4e4f5051525354555657 0100000000000000"
            "35ada1b05f2df4fd3005c284b54c51eb"
            "0800000000000000 4a17d5463a51bb6a 0000000000000000")));
    EXPECT_EQ(
        hex(opened(file.bytes, file.layout.tensors[0], parse_all(file.bytes).headers[0], &key)),
        "0000803f00000040");
}

TEST(Tensorizer, HashesEncryptedTensorsWithoutTheirCryptInfo) {
    const Secret key(counting(32));
    MakeOptions options;
    options.key = &key;
    const Parsed parsed = parse_all(example(options).bytes);
    Bytes covered = parsed.headers[0].hashed;
    EXPECT_EQ(covered.size(), 68u);
    const Bytes plain = from_hex("0000803f00000040");
    covered.insert(covered.end(), plain.begin(), plain.end());
    EXPECT_EQ(sha256(covered), parsed.headers[0].sha256);
}

TEST(Tensorizer, WritesTheExampleEncryptedWithAPassword) {
    const Secret key = derived_key();
    MakeOptions options;
    options.key = &key;
    options.write.derivation = derivation();
    const MadeFile file = example(options);
    EXPECT_EQ(
        hex(slice(file.bytes, header_at + 0x1a, file.bytes.size() - header_at - 0x1a)),
        hex(from_hex("01 20"
                     "f2cc20fd897b6fecdd8a26bc66a261e5b7ae6217aec4d9d7363b2eee2d9961d9"
                     "7600000000000000 0200 2a00000000000000 0100 0100 0100000000000000"
                     "0020000000000000 02000000 1000 000102030405060708090a0b0c0d0e0f"
                     "3a00000000000000 0200 0000200000000000"
                     "404142434445464748494a4b4c4d4e4f5051525354555657 0100000000000000"
                     "134aee273198d6467aa4517c0883ad15"
                     "0800000000000000 1a78f6e299e4885c 0000000000000000")));
}

TEST(Tensorizer, ReadsTheKeyDerivationFromTheHeader) {
    const Secret key = derived_key();
    MakeOptions options;
    options.key = &key;
    options.write.derivation = derivation();
    const MadeFile file = example(options);
    const Parsed parsed = parse_all(file.bytes);
    ASSERT_TRUE(parsed.headers[0].seal);
    ASSERT_EQ(parsed.headers[0].seal->derivation, derivation());
    const Secret password(from_text("pw"));
    EXPECT_EQ(hex(derive_key(password, derivation()).bytes()), hex(key.bytes()));
}

} // namespace
} // namespace tz::format
