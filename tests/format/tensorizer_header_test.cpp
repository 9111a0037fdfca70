#include "support/damage.hpp"
#include <tz/format/hash.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

// Packed, so that no spare bytes take up what a wrong length asks for.
MadeFile base() {
    MakeOptions options;
    options.write = packed();
    return make_file(
        {content("first", "<f4", {2, 3}), content("second", "<V2\0torch.bfloat16"s, {5})}, options);
}

void expect_refused(const std::vector<Damage>& damages) {
    test::expect_refused(base(), damages);
}

template <std::unsigned_integral T>
auto set(std::size_t HeaderPlaces::* field, std::type_identity_t<T> value, std::size_t shift = 0) {
    return
        [=](MadeFile& file) { put<T>(file.bytes, header_places(file, 1).*field + shift, value); };
}

TEST(Header, HoldsTheHashesOfItsTensor) {
    const MadeFile file = base();
    const Parsed parsed = parse_all(file.bytes);
    for (std::size_t i = 0; i < 2; ++i) {
        Bytes covered = parsed.headers[i].hashed;
        const Range data = parsed.layout.tensors[i].data;
        const Bytes content = slice(file.bytes, data.offset, data.bytes);
        covered.insert(covered.end(), content.begin(), content.end());
        EXPECT_EQ(parsed.headers[i].crc32, crc32(covered));
        EXPECT_EQ(parsed.headers[i].sha256, sha256(covered));
    }
}

TEST(Header, GivesTheModuleIndex) {
    MadeFile file = base();
    put<std::uint16_t>(file.bytes, header_places(file, 1).module_index, 515);
    EXPECT_EQ(parse_all(file.bytes).headers[1].module_index, 515);
}

TEST(Header, OfAnotherLengthIsRefused) {
    const MadeFile file = base();
    const std::uint64_t length = file.layout.tensors[1].header.bytes;
    for (const std::uint64_t bad :
         {std::uint64_t{0},
          std::uint64_t{1},
          length - 1,
          length + 1,
          std::uint64_t{1} << 31,
          std::uint64_t{1} << 63,
          ~std::uint64_t{0}})
        expect_refused(
            {{"length",
              errc::format,
              "header length",
              set<std::uint64_t>(&HeaderPlaces::length, bad)}});
}

TEST(Header, ThatDiffersFromTheIndexIsRefused) {
    expect_refused({
        {"type",
         errc::format,
         "tensor type in the header differs",
         set<std::uint8_t>(&HeaderPlaces::kind, 0)},
        {"name",
         errc::format,
         "name in the header differs",
         set<std::uint8_t>(&HeaderPlaces::name, 'x')},
        {"name length",
         errc::format,
         "name in the header differs",
         set<std::uint16_t>(&HeaderPlaces::name_length, 5)},
        {"dtype",
         errc::format,
         "dtype in the header differs",
         set<std::uint8_t>(&HeaderPlaces::dtype, '|')},
        {"dtype length",
         errc::format,
         "dtype in the header differs",
         set<std::uint8_t>(&HeaderPlaces::dtype_length, 0)},
        {"dimensions",
         errc::format,
         "shape in the header differs",
         set<std::uint8_t>(&HeaderPlaces::dimensions, 2)},
        {"shape",
         errc::format,
         "shape in the header differs",
         set<std::uint32_t>(&HeaderPlaces::shape, 4)},
        {"data length",
         errc::format,
         "data length 11 in the header",
         set<std::uint64_t>(&HeaderPlaces::data_length, 11)},
        {"no data",
         errc::format,
         "data length 0 in the header",
         set<std::uint64_t>(&HeaderPlaces::data_length, 0)},
    });
}

TEST(Header, ThatSeeksBackOntoItselfIsRefused) {
    const std::uint64_t length = base().layout.tensors[1].header.bytes;
    expect_refused(
        {{"loop",
          errc::format,
          "data length -",
          set<std::uint64_t>(&HeaderPlaces::data_length, 0 - length)}});
}

TEST(Header, ThatEndsWithinAFieldIsRefused) {
    expect_refused({
        {"name",
         errc::format,
         "tensor 'second': the header ends within the name: 65535",
         set<std::uint16_t>(&HeaderPlaces::name_length, 65535)},
        {"dtype",
         errc::format,
         "ends within the dtype",
         set<std::uint8_t>(&HeaderPlaces::dtype_length, 255)},
        {"hashes",
         errc::format,
         "ends within the list of hashes",
         set<std::uint16_t>(&HeaderPlaces::hashes_size, 42)},
        {"all hashes",
         errc::format,
         "ends within the list of hashes",
         set<std::uint16_t>(&HeaderPlaces::hashes_size, 65535)},
    });
}

TEST(Header, WithBadHashesIsRefused) {
    expect_refused({
        {"no count",
         errc::format,
         "number of hashes",
         set<std::uint16_t>(&HeaderPlaces::hashes_size, 0)},
        {"short block",
         errc::format,
         "ends within",
         set<std::uint16_t>(&HeaderPlaces::hashes_size, 40)},
        {"one more", errc::format, "ends within", set<std::uint8_t>(&HeaderPlaces::hash_count, 3)},
        {"255", errc::format, "ends within", set<std::uint8_t>(&HeaderPlaces::hash_count, 255)},
        {"unknown type",
         errc::unsupported,
         "hash type 2",
         set<std::uint8_t>(&HeaderPlaces::first_hash, 2)},
        {"wrong length",
         errc::format,
         "32 bytes, not 4",
         set<std::uint8_t>(&HeaderPlaces::first_hash, 32, 1)},
        {"no length",
         errc::format,
         "0 bytes, not 4",
         set<std::uint8_t>(&HeaderPlaces::first_hash, 0, 1)},
        {"twice",
         errc::format,
         "two hashes of one type",
         set<std::uint8_t>(&HeaderPlaces::first_hash, 0, 6)},
    });
}

TEST(Header, MayListNoHashes) {
    MadeFile file = base();
    put<std::uint8_t>(file.bytes, header_places(file, 1).hash_count, 0);
    const TensorHeader header = parse_all(file.bytes).headers[1];
    EXPECT_FALSE(header.crc32);
    EXPECT_FALSE(header.sha256);
}

TEST(Header, MayListItsHashesInTheOtherOrder) {
    MadeFile file = base();
    const TensorHeader before = parse_all(file.bytes).headers[1];
    const std::size_t at = header_places(file, 1).first_hash;
    Bytes hashes = slice(file.bytes, at + 6, 34);
    const Bytes first = slice(file.bytes, at, 6);
    hashes.insert(hashes.end(), first.begin(), first.end());
    std::copy(hashes.begin(), hashes.end(), file.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    const TensorHeader header = parse_all(file.bytes).headers[1];
    EXPECT_EQ(header.crc32, before.crc32);
    EXPECT_EQ(header.sha256, before.sha256);
    EXPECT_NE(header.hashed, before.hashed);
}

TEST(Header, HashesSpareBytesAsTheyAre) {
    const MadeFile file = make_file({content("w", "|u1", {1000})}); // aligned, so with slack
    const HeaderPlaces places = header_places(file, 0);
    ASSERT_GT(places.data_length, places.crypt_info);
    MadeFile changed = file;
    put<std::uint8_t>(changed.bytes, places.crypt_info, 0xab);
    const TensorHeader before = parse_all(file.bytes).headers[0];
    const TensorHeader after = parse_all(changed.bytes).headers[0];
    EXPECT_EQ(before.hashed.size(), file.layout.tensors[0].header.bytes);
    EXPECT_NE(before.hashed, after.hashed);
}

TEST(Header, CutAnywhereIsRefused) {
    const MadeFile file = base();
    const Tensor& tensor = file.layout.tensors[1];
    const auto whole = std::span(file.bytes).subspan(tensor.header.offset, tensor.header.bytes);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        expect_file_error(errc::format, "are there", [&] {
            parse_header(whole.first(size), tensor, file.layout);
        });
        // and where the index agrees with the cut
        Tensor shorter = tensor;
        shorter.header.bytes = size;
        expect_file_error(
            errc::format, "", [&] { parse_header(whole.first(size), shorter, file.layout); });
    }
}

} // namespace
} // namespace tz::format
