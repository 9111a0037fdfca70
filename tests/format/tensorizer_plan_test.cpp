#include "support/made_file.hpp"
#include <tz/format/name.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

TensorSpec
spec(std::string name, std::string code, std::vector<std::uint64_t> shape, std::uint64_t bytes) {
    return {std::move(name), TensorKind::state, std::move(code), std::move(shape), bytes};
}

TEST(Plan, FlagsEncryptionFromVersion4On) {
    WriteOptions options;
    options.encrypted = true;
    const Layout layout = plan_file(std::vector{spec("c", "<f4", {1ull << 32, 0}, 0)}, options);
    EXPECT_EQ(write_index(layout).at(9), std::byte{3});
    EXPECT_TRUE(parse_index(write_index(layout), layout.file_bytes).encrypted);
}

TEST(Plan, MakesTheIndexJustLargeEnoughWhereAsked) {
    WriteOptions options = packed();
    options.region_bytes_min = 0;
    const Layout layout = plan_file(std::vector{spec("w", "<f4", {2}, 8)}, options);
    EXPECT_EQ(layout.index_bytes, prefix_bytes + 37);
    EXPECT_EQ(layout.tensors[0].header, (Range{prefix_bytes + 37, 74}));
    EXPECT_EQ(layout.file_bytes, layout.tensors[0].data.end() + terminator_bytes);
}

TEST(Plan, AlignsData) {
    const std::uint64_t large = 1 << 20;
    const std::vector specs{
        spec("a", "|u1", {1}, 1),
        spec("b", "|u1", {large}, large),
        spec("c", "|u1", {large - 1}, large - 1),
        spec("d", "|u1", {0}, 0),
        spec("e", "|u1", {large}, large)};
    const Layout layout = plan_file(specs, {});
    EXPECT_EQ(layout.tensors[0].data.offset % 64, 0u);
    EXPECT_EQ(layout.tensors[1].data.offset % 4096, 0u);
    EXPECT_EQ(layout.tensors[2].data.offset % 64, 0u);
    EXPECT_EQ(layout.tensors[4].data.offset % 4096, 0u);
    for (std::size_t i = 1; i < specs.size(); ++i)
        EXPECT_EQ(layout.tensors[i].header.offset, layout.tensors[i - 1].data.end());
}

TEST(Plan, UsesTheSmallAlignmentWhereTheLargeOneWouldCostMoreThanAHundredth) {
    WriteOptions options;
    options.large_alignment = 1 << 20;
    options.region_bytes_min = 0;
    const std::uint64_t large = 100 << 20;
    const auto offset = [&](std::uint64_t size) {
        return plan_file(std::vector{spec("a", "|u1", {size}, size)}, options)
            .tensors[0]
            .data.offset;
    };
    EXPECT_EQ(offset(large) % (1 << 20), 0u);
    EXPECT_LT(offset(large / 2), 4096u);
}

TEST(Plan, GivesAnEmptyOpaqueTensorAByteThatPipNeeds) {
    const MadeFile file = make_file({content("w", "<V2\0torch.bfloat16"s, {0, 4})});
    const Parsed parsed = parse_all(file.bytes);
    EXPECT_EQ(parsed.layout.tensors[0].bytes, 0u);
    EXPECT_EQ(parsed.layout.tensors[0].data.bytes, 1u);
    EXPECT_FALSE(parsed.layout.tensors[0].meta());

    MadeFile without = file;
    put<std::uint64_t>(without.bytes, entry_places(file, 0).data_length, 0);
    put<std::uint64_t>(without.bytes, header_places(file, 0).data_length, 0);
    EXPECT_EQ(parse_all(without.bytes).layout.tensors[0].data.bytes, 0u);

    MadeFile plain = make_file({content("w", "<f4", {0})}); // no such need
    EXPECT_EQ(plain.layout.tensors[0].data.bytes, 0u);
    put<std::uint64_t>(plain.bytes, entry_places(plain, 0).data_length, 1);
    put<std::uint64_t>(plain.bytes, header_places(plain, 0).data_length, 1);
    expect_file_error(errc::format, "does not fit", [&] { parse_all(plain.bytes); });
}

TEST(Plan, RefusesWhatPipCouldNotRead) {
    struct Case {
        const char* name;
        const char* text;
        std::vector<TensorSpec> specs;
    };

    TensorSpec structured = spec("\x1e[\"a\",0]", "|u1", {1}, 1);
    structured.kind = TensorKind::parameter;
    const TensorSpec good = spec("a", "<f4", {1}, 4);
    const std::vector<Case> cases{
        {"nothing", "at least one tensor", {}},
        {"no name", "is empty", {spec("", "<f4", {1}, 4)}},
        {"long name", "65535", {spec(std::string(65536, 'x'), "<f4", {1}, 4)}},
        {"mark", "JSON", {spec("\x1exyz", "<f4", {1}, 4)}},
        {"not UTF-8", "UTF-8", {spec("\xff", "<f4", {1}, 4)}},
        {"twice", "twice", {good, good}},
        {"prefix", "branch", {good, spec("\x1e[\"a\",\"b\"]", "<f4", {1}, 4)}},
        {"structured parameter", "only state-dict", {structured}},
        {"dtype", "cannot be written", {spec("a", ">f4", {1}, 4)}},
        {"long dtype", "255", {spec("a", std::string(256, 'x'), {1}, 4)}},
        {"wrong size", "8 bytes do not fit", {spec("a", "<f4", {1}, 8)}},
        {"meta", "0 bytes do not fit", {spec("a", "<f4", {1}, 0)}},
        {"overflow", "do not fit", {spec("a", "<f4", {1ull << 32, 1ull << 32}, 0)}},
        {"65 dimensions",
         "64 dimensions",
         {spec("a", "<f4", std::vector<std::uint64_t>(65, 1), 4)}},
    };
    for (const Case& bad : cases) {
        SCOPED_TRACE(bad.name);
        expect_error(errc::usage, bad.text, [&] { plan_file(bad.specs, {}); });
    }
}

TEST(Plan, RefusesWhatThisLibraryWouldNotRead) {
    const std::uint64_t size = 1ull << 40;
    const std::vector specs{spec("a", "|u1", {size}, size)};
    WriteOptions options;
    options.encrypted = true;
    options.piece_bytes = 1024;
    expect_error(errc::limit, "larger ones", [&] { plan_file(specs, options); });
    const std::uint64_t huge = (1ull << 62);
    expect_error(errc::limit, "2^63 bytes", [&] {
        plan_file(std::vector{spec("a", "|u1", {huge}, huge), spec("b", "|u1", {huge}, huge)}, {});
    });
}

TEST(Plan, RefusesOptionsThatCannotBe) {
    const std::vector specs{spec("a", "|u1", {1}, 1)};
    for (const std::uint64_t size : {0, 64, 1000}) {
        WriteOptions options;
        options.encrypted = true;
        options.piece_bytes = size;
        expect_error(errc::usage, "multiple of 64", [&] { plan_file(specs, options); });
    }
    for (const std::uint64_t alignment : {0, 3, 1 << 21}) {
        WriteOptions options;
        options.small_alignment = alignment;
        expect_error(errc::usage, "power of two", [&] { plan_file(specs, options); });
    }
}

TEST(WriteIndex, RefusesToOverrunItsPlace) {
    Layout layout = plan_file(std::vector{spec("a", "|u1", {5}, 5)}, packed());
    EXPECT_EQ(write_index(layout).size(), layout.index_bytes);
    layout.tensors[0].name += std::string(layout.index_bytes, 'x');
    expect_error(errc::usage, "too little room for the index", [&] { write_index(layout); });
}

TEST(WriteHeader, WantsASealExactlyForEncryptedData) {
    const std::vector specs{spec("a", "|u1", {5}, 5)};
    WriteOptions options;
    options.encrypted = true;
    const Layout sealed = plan_file(specs, options);
    const Layout plain = plan_file(specs, {});
    HeaderValues values;
    expect_error(
        errc::usage, "without a seal", [&] { write_header(sealed.tensors[0], sealed, values); });
    values.seal.emplace();
    expect_error(
        errc::usage, "MACs are missing", [&] { write_header(sealed.tensors[0], sealed, values); });
    expect_error(
        errc::usage, "without encrypted", [&] { write_header(plain.tensors[0], plain, values); });
    values.seal->macs.resize(2);
    expect_error(errc::usage, "too many", [&] { write_header(sealed.tensors[0], sealed, values); });
    values.seal->macs.resize(1);
    values.seal->piece_bytes = 1000;
    expect_error(
        errc::usage, "multiple of 64", [&] { write_header(sealed.tensors[0], sealed, values); });
    values.seal->piece_bytes = usual_piece_bytes;
    EXPECT_EQ(
        write_header(sealed.tensors[0], sealed, values).size(), sealed.tensors[0].header.bytes);
}

TEST(WriteHeader, RefusesToOverrunItsPlace) {
    WriteOptions options = packed();
    options.sha256 = false;
    const Layout layout = plan_file(std::vector{spec("a", "|u1", {5}, 5)}, options);
    HeaderValues values;
    values.sha256.emplace();
    expect_error(
        errc::usage, "too little room", [&] { write_header(layout.tensors[0], layout, values); });
}

TEST(HashedForm, IsTheWrittenHeadersForm) {
    const Secret key(counting(32));
    for (const Secret* secret : {static_cast<const Secret*>(nullptr), &key}) {
        MakeOptions options;
        options.key = secret;
        const MadeFile file = make_file({content("w", "<f4", {300})}, options);
        const Tensor& tensor = file.layout.tensors[0];
        const TensorHeader header = parse_all(file.bytes).headers[0];
        HeaderValues values{header.crc32, header.sha256, header.seal};
        EXPECT_EQ(hashed_form(tensor, file.layout, values), header.hashed);
        if (values.seal)
            values.seal->macs.clear(); // not known yet when the hash is taken
        EXPECT_EQ(hashed_form(tensor, file.layout, values), header.hashed);
    }
}

TEST(HashedForm, DependsOnTheModuleIndex) {
    const Layout layout = plan_file(std::vector{spec("a", "|u1", {5}, 5)}, {});
    HeaderValues values;
    const auto before = hashed_form(layout.tensors[0], layout, values);
    values.module_index = 7;
    EXPECT_NE(hashed_form(layout.tensors[0], layout, values), before);
}

} // namespace
} // namespace tz::format
