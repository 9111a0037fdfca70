#include "support/damage.hpp"
#include <tz/format/name.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

constexpr std::size_t version_at = 5;
constexpr std::size_t flags_at = 9;
constexpr std::size_t count_at = 57;
constexpr std::size_t region_at = 65;

MadeFile base() {
    return make_file({
        content("first", "<f4", {2, 3}),
        content("second", "<V2\0torch.bfloat16"s, {5}),
        content("third", "<i8", {}),
    });
}

TEST(Index, ReadsWhatWasWritten) {
    const MadeFile file = base();
    const Layout layout = parse_all(file.bytes).layout;
    EXPECT_EQ(layout.version, 2u);
    EXPECT_FALSE(layout.encrypted);
    EXPECT_EQ(layout.total_bytes(), 42u);
    ASSERT_EQ(layout.tensors.size(), 3u);
    EXPECT_EQ(layout.tensors[1].dtype.name, "bfloat16");
    EXPECT_EQ(layout.tensors[2].shape, std::vector<std::uint64_t>{});
    EXPECT_EQ(layout.tensors[2].bytes, 8u);
}

TEST(Index, OfATooShortFileIsRefused) {
    const Bytes file = base().bytes;
    expect_file_error(errc::format, "the file is empty", [&] { parse_all({}); });
    for (std::size_t size = 1; size < prefix_bytes; ++size)
        expect_file_error(errc::format, "too short", [&] { parse_all(slice(file, 0, size)); });
}

TEST(Index, NamesWhatAnotherFileLooksLike) {
    const std::vector<std::pair<std::string, const char*>> others{
        {"<!DOCTYPE html><html><body>404", "HTML"},
        {"\r\n  <HTML lang=en>", "HTML"},
        {"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "XML"},
        {"<Error><Code>AccessDenied</Code></Error>", "XML"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"},
        {"PK\x03\x04\0\0"s, "zip archive"},
        {"\x80\x02}q\0."s, "pickle"},
        {"GGUF\x03\0\0\0"s, "GGUF"},
        {"{\"weight_map\": {}}", "JSON"},
        {std::string(100, '\0'), "zeros"},
        {"something else entirely", "not a .tensors or safetensors file"},
    };
    for (const auto& [start, text] : others) {
        SCOPED_TRACE(text);
        expect_file_error(errc::format, text, [&] { parse_all(from_text(start)); });
        expect_file_error(errc::format, text, [&] {
            Bytes long_file = from_text(start);
            long_file.resize(1000);
            parse_all(long_file);
        });
    }
}

TEST(Index, OfAnUnknownVersionIsRefused) {
    expect_refused(
        base(),
        {
            {"version 0",
             errc::unsupported,
             "version 0",
             [](auto& f) { put<std::uint32_t>(f.bytes, version_at, 0); }},
            {"version 6",
             errc::unsupported,
             "version 6",
             [](auto& f) { put<std::uint32_t>(f.bytes, version_at, 6); }},
            {"version 2^31",
             errc::unsupported,
             "version 2147483648",
             [](auto& f) { put<std::uint32_t>(f.bytes, version_at, 1u << 31); }},
            {"flag 2",
             errc::unsupported,
             "flag is not known",
             [](auto& f) { put<std::uint8_t>(f.bytes, flags_at, 4); }},
            {"flag 255",
             errc::unsupported,
             "flag is not known",
             [](auto& f) { put<std::uint8_t>(f.bytes, flags_at + 31, 0x80); }},
            {"tags below version 5",
             errc::unsupported,
             "versioned entries",
             [](auto& f) { put<std::uint8_t>(f.bytes, flags_at, 2); }},
        });
}

TEST(Index, TakesTheEncryptedFlagOnlyFromVersion4On) {
    MadeFile file = base();
    put<std::uint8_t>(file.bytes, flags_at, 1);
    EXPECT_FALSE(parse_all(file.bytes).layout.encrypted);
    put<std::uint32_t>(file.bytes, version_at, 4);
    const auto index = std::span(file.bytes).first(file.layout.index_bytes);
    EXPECT_TRUE(parse_index(index, file.bytes.size()).encrypted);
}

TEST(Index, WithABadCountIsRefused) {
    const auto count = [](std::uint64_t value) {
        return [value](MadeFile& file) { put<std::uint64_t>(file.bytes, count_at, value); };
    };
    expect_refused(
        base(),
        {
            {"0", errc::format, "no tensors", count(0)},
            {"one more", errc::format, "ends within", count(4)},
            {"one less", errc::format, "goes on after the 2 tensors", count(2)},
            {"2^16 more", errc::format, "too small for 65539 tensors", count(65539)},
            {"2^63", errc::format, "too small", count(1ull << 63)},
            {"2^64 - 1", errc::format, "too small", count(~0ull)},
        });
}

TEST(Index, WithABadSizeIsRefused) {
    const auto size = [](std::uint64_t value) {
        return [value](MadeFile& file) { put<std::uint64_t>(file.bytes, region_at, value); };
    };
    const MadeFile file = base();
    const std::uint64_t needed = file.layout.index_bytes - prefix_bytes;
    expect_refused(
        file,
        {
            {"0", errc::format, "too small", size(0)},
            {"one short", errc::format, "ends within the data's length", size(needed - 1)},
            {"over the first tensor", errc::format, "overlaps", size(needed + 1)},
            {"past the end", errc::format, "bytes, the file has", size(file.bytes.size())},
            {"2^64 - 8", errc::format, "bytes, the file has", size(~7ull)},
        });
}

TEST(Index, AboveTheLimitsIsRefusedByItsPrefixAlone) {
    Bytes prefix = slice(base().bytes, 0, prefix_bytes);
    put<std::uint64_t>(prefix, region_at, index_bytes_max);
    expect_file_error(errc::limit, "the limit is", [&] { index_bytes(prefix, 1ull << 40); });
    put<std::uint64_t>(prefix, region_at, index_bytes_max - prefix_bytes);
    EXPECT_EQ(index_bytes(prefix, 1ull << 40), index_bytes_max);
    put<std::uint64_t>(prefix, count_at, tensors_max + 1);
    expect_file_error(
        errc::limit, "tensors, the limit is", [&] { index_bytes(prefix, 1ull << 40); });
}

TEST(Index, WithALargeHeaderIsRefusedHoweverLargeTheFile) {
    MadeFile file = base();
    const Tensor& last = file.layout.tensors.back();
    const std::size_t data_offset = entry_places(file, 2).data_offset;
    const Bytes index = slice(file.bytes, 0, file.layout.index_bytes);
    Bytes changed = index;
    put<std::uint64_t>(changed, data_offset, last.header.offset + header_bytes_max);
    EXPECT_EQ(parse_index(changed, 1ull << 40).tensors.back().header.bytes, header_bytes_max);
    put<std::uint64_t>(changed, data_offset, last.header.offset + header_bytes_max + 1);
    expect_file_error(errc::limit, "the header takes 67108865 bytes, the limit is", [&] {
        parse_index(changed, 1ull << 40);
    });
}

TEST(Index, WithABadNameIsRefused) {
    expect_refused(
        base(),
        {
            {"past the region",
             errc::format,
             "ends within a name",
             [](auto& f) { put<std::uint16_t>(f.bytes, entry_places(f, 2).name_length, 200); }},
            {"65535 bytes",
             errc::format,
             "ends within a name",
             [](auto& f) { put<std::uint16_t>(f.bytes, entry_places(f, 0).name_length, 65535); }},
            {"empty",
             errc::format,
             "name is empty",
             [](auto& f) { put<std::uint16_t>(f.bytes, entry_places(f, 0).name_length, 0); }},
            {"not UTF-8",
             errc::format,
             "not valid UTF-8",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 1).name, 0xff); }},
            {"bad JSON",
             errc::format,
             "JSON",
             [](auto& f) { put_text(f.bytes, entry_places(f, 1).name, "\x1e[1,,]"); }},
            {"nested",
             errc::format,
             "array in the array",
             [](auto& f) { put_text(f.bytes, entry_places(f, 1).name, "\x1e[[1]]"); }},
            {"negative",
             errc::format,
             "negative",
             [](auto& f) { put_text(f.bytes, entry_places(f, 0).name, "\x1e[-1]"); }},
        });
    const Content pair = content("same_", "|u1", {1});
    MadeFile twins = make_file({pair, content("same2", "|u1", {1})});
    put_text(twins.bytes, entry_places(twins, 1).name, "same_");
    put_text(twins.bytes, header_places(twins, 1).name, "same_");
    expect_file_error(errc::format, "'same_' occurs twice", [&] { parse_all(twins.bytes); });

    MadeFile branch = make_file({content("\x1e[\"ab\",0]", "|u1", {1}), content("cd", "|u1", {1})});
    put_text(branch.bytes, entry_places(branch, 1).name, "ab");
    expect_file_error(errc::format, "branch", [&] { parse_all(branch.bytes); });
}

TEST(Index, KeepsStrangeNamesAsTheyAre) {
    for (const std::string& name :
         {"../../etc/passwd"s, "a\0b"s, "\x1b[31mred"s, "%n%s"s, "\xe2\x80\xae"s, ".weight"s}) {
        const MadeFile file = make_file({content(name, "|u1", {1}), content("other", "|u1", {1})});
        EXPECT_EQ(parse_all(file.bytes).layout.tensors[0].name, name);
    }
    EXPECT_EQ(display_name("\x1b[31m\0"s), "\\x1b[31m\\x00");
}

TEST(Index, WithStructuredNamesOnParametersIsRefused) {
    MadeFile file = make_file({content("\x1e[\"a\",0]", "|u1", {1})});
    put<std::uint8_t>(file.bytes, entry_places(file, 0).kind, 0);
    expect_file_error(errc::format, "only state-dict tensors", [&] { parse_all(file.bytes); });

    MadeFile single = make_file({content("\x1e[\"a\"]", "|u1", {1}, TensorKind::parameter)});
    EXPECT_EQ(parse_all(single.bytes).layout.tensors[0].kind, TensorKind::parameter);
}

TEST(Index, WithABadTypeIsRefused) {
    const auto dtype = [](std::string_view code) {
        return [code](MadeFile& file) { put_text(file.bytes, entry_places(file, 0).dtype, code); };
    };
    expect_refused(
        base(),
        {
            {"type 3",
             errc::format,
             "tensor type 3",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 0).kind, 3); }},
            {"type 255",
             errc::format,
             "tensor type 255",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 0).kind, 255); }},
            {"unknown dtype", errc::unsupported, "dtype '<x4' is not known", dtype("<x4")},
            {"big-endian", errc::unsupported, "big-endian", dtype(">f4")},
            {"too long",
             errc::format,
             "",
             [](auto& f) { put<std::uint8_t>(f.bytes, entry_places(f, 2).dtype_length, 255); }},
            {"two NULs", errc::format, "more than one NUL", dtype(std::string_view("f\0\0", 3))},
            {"other size", errc::format, "does not fit dtype and shape", dtype("<f8")},
        });
}

TEST(Index, OfAFileCutAnywhereInItsDataIsRefused) {
    const MadeFile file = base();
    const std::size_t end = file.bytes.size() - terminator_bytes;
    for (std::size_t size = 0; size < end; ++size)
        expect_file_error(errc::format, "", [&] { parse_all(slice(file.bytes, 0, size)); });
    for (std::size_t size = end; size <= file.bytes.size(); ++size)
        EXPECT_EQ(parse_all(slice(file.bytes, 0, size)).layout.tensors.size(), 3u);
}

TEST(Index, OfACutFileTellsWhatIsMissing) {
    const MadeFile file = base();
    const Bytes cut = slice(file.bytes, 0, file.layout.tensors[2].data.offset + 3);
    expect_file_error(
        errc::format, "has 8 bytes, but the file ends at byte " + std::to_string(cut.size()), [&] {
            parse_all(cut);
        });
}

TEST(Index, IgnoresBytesAfterTheEnd) {
    MadeFile file = base();
    file.bytes.resize(file.bytes.size() + 1000, std::byte{0xaa});
    EXPECT_EQ(parse_all(file.bytes).layout.tensors.size(), 3u);
}

TEST(Index, IgnoresTheSumAndTheReservedField) {
    MadeFile file = base();
    put<std::uint64_t>(file.bytes, 41, ~0ull);
    put<std::uint64_t>(file.bytes, 49, ~0ull);
    EXPECT_EQ(parse_all(file.bytes).layout.total_bytes(), 42u);
}

TEST(Index, OfAHundredThousandTensorsIsRead) {
    std::vector<TensorSpec> specs;
    for (int i = 0; i < 100'000; ++i)
        specs.push_back(
            {"model.layers." + std::to_string(i) + ".mlp.experts.weight",
             TensorKind::parameter,
             "<V2\0torch.bfloat16"s,
             {16, 8},
             256});
    const Layout planned = plan_file(specs, {});
    const Layout read = parse_index(write_index(planned), planned.file_bytes);
    ASSERT_EQ(read.tensors.size(), specs.size());
    EXPECT_EQ(read.tensors.back().name, specs.back().name);
    EXPECT_EQ(read.tensors.back().data, planned.tensors.back().data);
}

} // namespace
} // namespace tz::format
