#include "support/damage.hpp"

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;

const Secret& key() {
    static const Secret secret(counting(32));
    return secret;
}

// 2500 bytes in pieces of 1024; with a key derivation if asked for. No slack.
MadeFile sealed(bool derivation = false) {
    MakeOptions options;
    options.write = packed();
    options.write.piece_bytes = 1024;
    if (derivation)
        options.write.derivation = {3, 1 << 20, counting_array<16>()};
    options.key = &key();
    return make_file({content("w", "|u1", {2500})}, options);
}

// Places in the crypt info without a key derivation, from its start.
constexpr std::size_t chunk_count = 8, chunk_length = 10, chunk_type = 18, piece_size = 20,
                      mac_count = 52;
// The same in one chunk before it.
constexpr std::size_t method = 20, passes = 22, memory = 30, algorithm = 38, salt_length = 42,
                      second_type = 70;

template <std::unsigned_integral T>
auto set(std::size_t field, std::type_identity_t<T> value) {
    return [=](MadeFile& file) {
        put<T>(file.bytes, header_places(file, 0).crypt_info + field, value);
    };
}

TEST(CryptInfo, TellsPiecesAndTheirMacs) {
    const MadeFile file = sealed();
    const Parsed parsed = parse_all(file.bytes);
    ASSERT_TRUE(parsed.headers[0].seal);
    const Seal& seal = *parsed.headers[0].seal;
    EXPECT_EQ(seal.piece_bytes, 1024u);
    EXPECT_EQ(seal.macs.size(), 3u);
    EXPECT_EQ(seal.nonce, counting_array<24>(0x40));
    EXPECT_FALSE(seal.derivation);
    EXPECT_EQ(
        opened(file.bytes, parsed.layout.tensors[0], parsed.headers[0], &key()), counting(2500));
}

TEST(CryptInfo, WithABadLengthIsRefused) {
    expect_refused(
        sealed(),
        {
            {"0", errc::format, "number of chunks", set<std::uint64_t>(0, 0)},
            {"one short", errc::format, "ends within a chunk", set<std::uint64_t>(0, 99)},
            {"one long", errc::format, "ends within the crypt info", set<std::uint64_t>(0, 101)},
            {"2^64 - 8", errc::format, "ends within the crypt info", set<std::uint64_t>(0, ~7ull)},
            {"chunk 0", errc::format, "type of a chunk", set<std::uint64_t>(chunk_length, 0)},
            {"chunk short",
             errc::format,
             "too small for 3 MACs",
             set<std::uint64_t>(chunk_length, 89)},
            {"chunk long",
             errc::format,
             "ends within a chunk",
             set<std::uint64_t>(chunk_length, 91)},
            {"chunk 2^63",
             errc::format,
             "ends within a chunk",
             set<std::uint64_t>(chunk_length, 1ull << 63)},
            {"two chunks", errc::format, "length of a chunk", set<std::uint16_t>(chunk_count, 2)},
            {"65535 chunks",
             errc::format,
             "length of a chunk",
             set<std::uint16_t>(chunk_count, 65535)},
        });
}

TEST(CryptInfo, WithoutMacsForDataIsAnAuthError) {
    expect_refused(
        sealed(), {{"stripped", errc::auth, "has no MAC", set<std::uint16_t>(chunk_count, 0)}});
    expect_refused(
        sealed(true), {{"stripped", errc::auth, "has no MAC", set<std::uint16_t>(chunk_count, 1)}});
}

TEST(CryptInfo, WithABadMacCountIsRefused) {
    for (const std::uint64_t count : {0ull, 2ull, 4ull, 1ull << 60, ~0ull})
        expect_refused(
            sealed(),
            {{"count",
              errc::format,
              " MACs for 2500 bytes",
              set<std::uint64_t>(mac_count, count)}});
}

TEST(CryptInfo, WithABadPieceSizeIsRefused) {
    for (const std::uint64_t size : {0, 1, 64, 960, 1023, 1025, 1032})
        expect_refused(
            sealed(),
            {{"size", errc::format, "multiple of 64", set<std::uint64_t>(piece_size, size)}});
    for (const std::uint64_t size : {2048ull, 1ull << 62, ~63ull})
        expect_refused(
            sealed(), {{"size", errc::format, " MACs for", set<std::uint64_t>(piece_size, size)}});
}

TEST(CryptInfo, WithAnUnknownChunkIsRefused) {
    for (const std::uint16_t type : {0, 4, 65535})
        expect_refused(
            sealed(),
            {{"type", errc::unsupported, "is not known", set<std::uint16_t>(chunk_type, type)}});
}

TEST(CryptInfo, WithTwoChunksOfAKindIsRefused) {
    expect_refused(
        sealed(true),
        {
            {"two derivations",
             errc::format,
             "two key derivations",
             [](MadeFile& file) {
                 const std::size_t start = header_places(file, 0).crypt_info;
                 Bytes& bytes = file.bytes;
                 // the second chunk becomes a copy of the first, with spare bytes at its end
                 const Bytes first = slice(bytes, start + 18, 42);
                 std::copy(
                     first.begin(),
                     first.end(),
                     bytes.begin() + static_cast<std::ptrdiff_t>(start + second_type - 2));
             }},
            {"two methods",
             errc::format,
             "two encryption methods",
             set<std::uint16_t>(chunk_type, 3)},
        });
}

TEST(CryptInfo, OfOneMacIsForAllData) {
    MadeFile file = sealed();
    const std::size_t start = header_places(file, 0).crypt_info;
    put<std::uint64_t>(file.bytes, start + mac_count, 1); // leaves spare bytes in the chunk
    const Parsed parsed = parse_all(file.bytes);
    EXPECT_EQ(parsed.headers[0].seal->piece_bytes, 2500u);
    EXPECT_EQ(parsed.headers[0].seal->macs.size(), 1u);
}

TEST(CryptInfo, OfOneMacKeepsALargerPieceSize) {
    MakeOptions options;
    options.key = &key();
    const MadeFile file = make_file({content("w", "|u1", {100})}, options);
    EXPECT_EQ(parse_all(file.bytes).headers[0].seal->piece_bytes, usual_piece_bytes);
}

TEST(CryptInfo, MaySealTheWholeTensorAtOnce) {
    MadeFile file = sealed();
    const Tensor& tensor = file.layout.tensors[0];
    const std::size_t start = header_places(file, 0).crypt_info;
    Bytes data = counting(2500);
    const Mac mac = seal_piece(data, data, counting_array<24>(0x40), key());
    std::copy(
        data.begin(),
        data.end(),
        file.bytes.begin() + static_cast<std::ptrdiff_t>(tensor.data.offset));
    put<std::uint16_t>(file.bytes, start + chunk_type, 3);
    for (std::size_t i = 0; i < 24; ++i)
        file.bytes[start + piece_size + i] = static_cast<std::byte>(0x40 + i);
    std::copy(
        mac.begin(),
        mac.end(),
        file.bytes.begin() + static_cast<std::ptrdiff_t>(start + piece_size + 24));

    const Parsed parsed = parse_all(file.bytes);
    EXPECT_EQ(parsed.headers[0].seal->piece_bytes, 2500u);
    EXPECT_EQ(opened(file.bytes, tensor, parsed.headers[0], &key()), counting(2500));
}

TEST(CryptInfo, IsEmptyWithoutData) {
    MakeOptions options;
    options.key = &key();
    const MadeFile file = make_file({content("w", "<f4", {0, 3})}, options);
    const Parsed parsed = parse_all(file.bytes);
    EXPECT_TRUE(parsed.layout.encrypted);
    EXPECT_FALSE(parsed.headers[0].seal);
    EXPECT_TRUE(parsed.headers[0].crc32);
    EXPECT_TRUE(parsed.headers[0].sha256);
}

TEST(CryptInfo, ForDataThatIsNotThereIsRefused) {
    MadeFile file = sealed();
    put<std::uint32_t>(file.bytes, 5, 4);
    put<std::uint8_t>(file.bytes, 9, 1);
    put<std::uint64_t>(file.bytes, entry_places(file, 0).data_length, 0);
    put<std::uint64_t>(file.bytes, header_places(file, 0).data_length, 0);
    expect_file_error(errc::format, "without data", [&] { parse_all(file.bytes); });
}

TEST(CryptInfo, WithABadDerivationIsRefused) {
    expect_refused(
        sealed(true),
        {
            {"method", errc::unsupported, "method 2", set<std::uint16_t>(method, 2)},
            {"algorithm", errc::unsupported, "algorithm 1", set<std::uint32_t>(algorithm, 1)},
            {"salt of 15", errc::format, "salt has 15 bytes", set<std::uint16_t>(salt_length, 15)},
            {"salt of 65535",
             errc::format,
             "salt has 65535 bytes",
             set<std::uint16_t>(salt_length, 65535)},
            {"no passes", errc::format, "below", set<std::uint64_t>(passes, 0)},
            {"no memory", errc::format, "below", set<std::uint64_t>(memory, 8191)},
            {"short", errc::format, "ends within the salt", set<std::uint64_t>(chunk_length, 41)},
        });
}

TEST(CryptInfo, HandsOnACostlyDerivationForTheCallerToCheck) {
    MadeFile file = sealed(true);
    const std::size_t start = header_places(file, 0).crypt_info;
    put<std::uint64_t>(file.bytes, start + passes, 1ull << 31);
    put<std::uint64_t>(file.bytes, start + memory, 4ull << 40);
    const KeyDerivation derivation = parse_all(file.bytes).headers[0].seal->derivation.value();
    EXPECT_EQ(derivation.passes, 1ull << 31);
    expect_error(errc::limit, "passes", [&] { check_derivation(derivation, ~0ull); });
}

} // namespace
} // namespace tz::format
