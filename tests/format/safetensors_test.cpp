#include "support/equal_hashes.hpp"
#include "support/safetensors_file.hpp"
#include <tz/format/file_index.hpp>
#include <tz/format/name.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>
#include <vector>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

constexpr const char* four_bytes = R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";

Layout parse(const std::string& header, std::size_t data_bytes) {
    return parse_safetensors_file(safetensors_file(header, data_bytes));
}

/// A file of one tensor `a`.
Layout parse_one(
    const std::string& dtype, const std::string& shape, std::uint64_t end, std::size_t data_bytes) {
    return parse("{" + safetensors_entry("a", dtype, shape, 0, end) + "}", data_bytes);
}

struct Refusal {
    std::string header;
    std::size_t data_bytes;
    const char* text;
    errc kind = errc::format;
};

void expect_refused(const std::vector<Refusal>& refusals) {
    for (const auto& [header, data_bytes, text, kind] : refusals) {
        SCOPED_TRACE(header.substr(0, 200));
        expect_file_error(kind, text, [&] { parse(header, data_bytes); });
    }
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
    const std::string header = R"({"__metadata__":{"format":"pt","b":""},)" +
                               safetensors_entry("w", "F32", "[2,3]", 4, 28) + "," +
                               safetensors_entry("b", "BF16", "[2]", 0, 4) + "," +
                               safetensors_entry("scalar", "I64", "[]", 28, 36) + "}   ";
    const Layout layout = parse(header, 36);
    EXPECT_EQ(layout.format, FileFormat::safetensors);
    EXPECT_EQ(layout.version, 0u);
    EXPECT_FALSE(layout.encrypted);
    EXPECT_EQ(layout.index_bytes, 8 + header.size());
    EXPECT_EQ(layout.file_bytes, layout.index_bytes + 36);
    EXPECT_EQ(layout.total_bytes(), 36u);
    EXPECT_EQ(
        layout.metadata,
        (std::vector<std::pair<std::string, std::string>>{{"format", "pt"}, {"b", ""}}));
    ASSERT_EQ(layout.tensors.size(), 3u); // in the order of their data
    const Tensor& tensor = layout.tensors[1];
    EXPECT_EQ(tensor.name, "w");
    EXPECT_EQ(tensor.kind, TensorKind::state);
    EXPECT_EQ(tensor.dtype, (DType{"F32", "float32", 32}));
    EXPECT_EQ(tensor.shape, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(tensor.bytes, 24u);
    EXPECT_EQ(tensor.data, (Range{layout.index_bytes + 4, 24}));
    EXPECT_EQ(tensor.header, (Range{tensor.data.offset, 0}));
    EXPECT_FALSE(tensor.meta());
    EXPECT_EQ(layout.tensors[0].name, "b");
    EXPECT_TRUE(layout.tensors[2].shape.empty());
}

TEST(Safetensors, ReadsWhatItsOwnReaderReads) {
    const std::string four = four_bytes;
    const std::vector<std::pair<std::string, std::size_t>> accepted{
        {"{}", 0},
        {"{}\n\t\r ", 0},
        {" {\"a\":" + four + "}", 4},
        {"{\"__metadata__\":null,\"a\":" + four + "}", 4},
        {"{\"__metadata__\":{},\"a\":" + four + "}", 4},
        {"{\"\":" + four + "}", 4},
        {R"({"a\u0001\n\u0000\ud83d\ude00":)" + four + "}", 4},
        {R"({"a":{"d\u0074ype":"\u00558","shape":[4],"data_offsets":[0,4]}})", 4},
        {R"({"a":{"x":[{"y":1e3,"z":[true,false,null,-0.5,"t"]}],"dtype":"U8","shape":[4],)"
         R"("data_offsets":[0,4]}})",
         4},
        {R"({"a":{"x":[-1000000000000000000000000000000,18446744073709551616 ,1e-999,-0.0E-5],)"
         R"("y":1e+4,"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         4},
        {"{" + safetensors_entry("a", "F32", "[0]", 0, 0) + "}", 0},
        {"{" + safetensors_entry("e", "F32", "[0,7]", 0, 0) + "," +
             safetensors_entry("a", "U8", "[4]", 0, 4) + "," +
             safetensors_entry("f", "F64", "[3,0]", 4, 4) + "}",
         4},
        {"{" + safetensors_entry("a", "F64", "[0,4611686018427387904]", 0, 0) + "}", 0},
    };
    for (const auto& [header, data_bytes] : accepted) {
        SCOPED_TRACE(header);
        EXPECT_NO_THROW(parse(header, data_bytes));
    }
}

TEST(Safetensors, NamesAreWhatTheyAreWhateverTheyHold) {
    const std::string header = "{" + safetensors_entry(R"(../../etc/passwd)", "U8", "[1]", 0, 1) +
                               "," + safetensors_entry(R"(%n\u001b[31m)", "U8", "[1]", 1, 2) + "," +
                               safetensors_entry(R"(\u001e[1,2)", "U8", "[1]", 2, 3) + "}";
    const Layout layout = parse(header, 3);
    EXPECT_EQ(layout.tensors[0].name, "../../etc/passwd");
    EXPECT_EQ(display_name(layout.tensors[1].name), "%n\\x1b[31m");
    // what means a path in `.tensors` files means a text here
    EXPECT_EQ(parse_name(layout.tensors[2].name, 0), (Path{"\x1e[1,2"s}));
}

TEST(Safetensors, TypesHaveTheirSizes) {
    ASSERT_EQ(safetensors_dtypes().size(), 22u);
    for (const KnownDType& known : safetensors_dtypes()) {
        SCOPED_TRACE(std::string(known.code));
        const std::string code(known.code);
        const Layout layout = parse_one(code, "[2,4]", known.bits, known.bits);
        EXPECT_EQ(
            layout.tensors[0].dtype,
            (DType{std::string(known.code), std::string(known.name), known.bits}));
        EXPECT_EQ(layout.tensors[0].bytes, known.bits);
        expect_file_error(errc::format, "does not fit dtype and shape", [&] {
            parse_one(code, "[2,4]", known.bits + 1, known.bits + 1);
        });
        expect_file_error(errc::format, "does not fit dtype and shape", [&] {
            parse_one(code, "[2,4]", known.bits - 1, known.bits - 1);
        });
    }
}

TEST(Safetensors, TypesBelowAByteEndWithAByte) {
    EXPECT_EQ(parse_one("F4", "[3,2]", 3, 3).tensors[0].bytes, 3u);
    EXPECT_EQ(parse_one("F6_E3M2", "[4]", 3, 3).tensors[0].bytes, 3u);
    for (const auto& [dtype, shape, bytes] :
         {std::tuple("F4", "[3]", 2), std::tuple("F4", "[3]", 1), std::tuple("F6_E2M3", "[2]", 2)})
        expect_file_error(
            errc::format, "do not end with a byte", [&] { parse_one(dtype, shape, bytes, bytes); });
}

TEST(Safetensors, UnknownTypesAreReadByTheSizeOfTheirData) {
    const Layout layout = parse(
        "{" + safetensors_entry("a", "U4", "[6]", 0, 3) + "," +
            safetensors_entry("b", "C128", "[2]", 3, 35) + "," +
            safetensors_entry("c", "U4", "[2,2]", 35, 37) + "," +
            safetensors_entry("d", "U4", "[0]", 37, 37) + "," +
            safetensors_entry("e", "ODD_17", "[8]", 37, 54) + "}",
        54);
    EXPECT_EQ(layout.tensors[0].dtype, (DType{"U4", "U4", 4}));
    EXPECT_EQ(layout.tensors[1].dtype, (DType{"C128", "C128", 128}));
    EXPECT_EQ(layout.tensors[2].dtype.bits, 4u);
    EXPECT_EQ(layout.tensors[3].dtype.bits, 0u);
    EXPECT_EQ(layout.tensors[4].dtype.bits, 17u);
    const auto entry = [](const char* dtype, const char* shape, std::uint64_t end) {
        return "{" + safetensors_entry("a", dtype, shape, 0, end) + "}";
    };
    expect_refused({
        {entry("X", "[3]", 2), 2, "no size"},
        {entry("X", "[0]", 2), 2, "no size"},
        {entry("X", "[100]", 1), 1, "no size"},
        {entry("X", "[8]", 0), 0, "no size"},
        {entry("X", "[]", 17), 17, "no size"}, // above the largest element
        {entry("", "[4]", 4), 4, "no name of a type"},
        {entry("U 8", "[4]", 4), 4, "no name of a type"},
        {entry(R"(X\u0000)", "[4]", 4), 4, "no name of a type"},
        {entry(std::string(65, 'X').c_str(), "[4]", 4), 4, "no name of a type"},
        {"{" + safetensors_entry("a", "X", "[4]", 0, 4) + "," +
             safetensors_entry("b", "X", "[4]", 4, 12) + "}",
         12,
         "that of another tensor 8"},
        // which others would take for what their names say
        {entry("float32", "[4]", 4), 4, "and they have 32"},
        {entry("float4_e2m1fn", "[4]", 4), 4, "and they have 4"},
    });
}

TEST(Safetensors, LengthsOfTheHeaderAreChecked) {
    const Bytes file = safetensors_file("{\"a\":"s + four_bytes + "}", 4);
    for (const std::uint64_t length : std::vector<std::uint64_t>{
             0,
             1,
             2,
             57,
             100'000'000,
             100'000'001,
             1ull << 31,
             1ull << 32,
             UINT64_MAX - 8,
             UINT64_MAX}) {
        SCOPED_TRACE(length);
        Bytes changed = file;
        put<std::uint64_t>(changed, 0, length);
        expect_file_error(errc::format, "", [&] { parse_safetensors_file(changed); });
    }
    Bytes long_header = file;
    put<std::uint64_t>(long_header, 0, safetensors_header_bytes_max + 1);
    expect_file_error(errc::format, "the format allows 100000000", [&] {
        safetensors_index_bytes(long_header, 1ull << 40);
    });
    for (std::size_t size = 0; size < file.size(); ++size) {
        SCOPED_TRACE(size);
        expect_file_error(errc::format, "", [&] { parse_safetensors_file(slice(file, 0, size)); });
        expect_file_error(errc::format, "", [&] {
            const Bytes part = slice(file, 0, size);
            file_index_bytes(part, part.size());
            parse_file_index(part, part.size());
        });
    }
}

TEST(Safetensors, WhatIsNoJsonObjectIsRefused) {
    const std::string four = four_bytes;
    expect_refused({
        {"", 0, "too few"},
        {"  ", 0, "not valid JSON"},
        {"[]", 0, "JSON: it is no object"},
        {"\"a\"", 0, "JSON: it is no object"},
        {"{", 0, "too few"},
        {"{ ", 0, "JSON"},
        {"{\"a\":" + four + "}x", 4, "JSON"},
        {"{\"a\":" + four + "}}", 4, "text follows"},
        {"{\"a\":" + four + "} {}", 4, "text follows"},
        {"{\"a\":" + four + "}\0"s, 4, "JSON"},
        {"{\"a\":" + four + ",}", 4, "JSON"},
        {"{\"a\" " + four + "}", 4, "JSON"},
        {"{a:" + four + "}", 4, "JSON"},
        {"{\"a\":" + four + " \"b\":1}", 4, "JSON"},
        {"{/* */\"a\":" + four + "}", 4, "JSON"},
        {"\xef\xbb\xbf{\"a\":" + four + "}", 4, "JSON"},
        {"{\"a\xff\":" + four + "}", 4, "JSON"},
        {"{\"a\x01\":" + four + "}", 4, "JSON"},
        {R"({"a\ud800":)" + four + "}", 4, "JSON"},
        {R"({"a\udc00":)" + four + "}", 4, "JSON"},
        {R"({"a\x":)" + four + "}", 4, "JSON"},
        {R"({"a)" + four + "}", 4, "JSON"},
    });
}

TEST(Safetensors, OddEntriesAreRefused) {
    const auto a = [](const std::string& fields) { return "{\"a\":" + fields + "}"; };
    expect_refused({
        {a("1"), 4, "tensor 'a': its entry is no JSON object"},
        {a("null"), 4, "no JSON object"},
        {a(R"(["U8",[4],[0,4]])"), 4, "no JSON object"},
        {a(R"({"shape":[4],"data_offsets":[0,4]})"), 4, "lacks dtype"},
        {a(R"({"dtype":"U8","data_offsets":[0,4]})"), 4, "lacks shape"},
        {a(R"({"dtype":"U8","shape":[4]})"), 4, "lacks data_offsets"},
        {a("{}"), 0, "lacks dtype"},
        {a(R"({"dtype":3,"shape":[4],"data_offsets":[0,4]})"), 4, "dtype is no JSON string"},
        {a(R"({"dtype":{"U8":null},"shape":[4],"data_offsets":[0,4]})"), 4, "no JSON string"},
        {a(R"({"dtype":"u 8","shape":[4],"data_offsets":[0,4]})"), 4, "no name of a type"},
        {a(R"({"dtype":"U8","shape":null,"data_offsets":[0,4]})"), 4, "shape is no JSON array"},
        {a(R"({"dtype":"U8","shape":4,"data_offsets":[0,4]})"), 4, "shape is no JSON array"},
        {a(R"({"dtype":"U8","shape":["4"],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[[4]],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[-4],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[4.0],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[4e0],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[04],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[NaN],"data_offsets":[0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[1)" + std::string(400, '0') + R"(],"data_offsets":[0,4]})"),
         4,
         "no whole number"},
        {a(R"({"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]})"),
         4,
         "no whole number"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[-0,4]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4.0]})"), 4, "no whole number"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0]})"), 4, "fewer than two"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4,4]})"), 4, "more than two"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":{"0":4}})"), 4, "no JSON array"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":NaN})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1e})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1e+})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1.})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":.5})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":01})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":-})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":--1})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1-1})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":tru})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":[1 2]})"), 4, "JSON"},
        {a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":["y" "z"]})"), 4, "JSON"},
    });
}

TEST(Safetensors, WhatStandsTwiceIsRefused) {
    const std::string four = four_bytes;
    expect_refused({
        {"{\"a\":" + four + ",\"a\":" + four + "}", 4, "tensor 'a' stands in the header twice"},
        {"{\"a\":" + four + R"(,"\u0061":)" + four + "}", 4, "twice"},
        {"{" + safetensors_entry("a", "U8", "[2]", 0, 2) + "," +
             safetensors_entry("b", "U8", "[2]", 2, 4) + "," +
             safetensors_entry("a", "U8", "[0]", 4, 4) + "}",
         4,
         "twice"},
        {R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4, "twice"},
        {R"({"a":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}})", 4, "twice"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"data_offsets":[0,4]}})",
         4,
         "twice"},
        {R"({"__metadata__":{},"__metadata__":{}})", 0, "twice"},
        {R"({"__metadata__":null,"__metadata__":null})", 0, "twice"},
        {R"({"__metadata__":{"a":"1","b":"2","a":"1"}})", 0, "names 'a' twice"},
    });
}

TEST(Safetensors, MetadataIsTextToText) {
    expect_refused({
        {R"({"__metadata__":[]})", 0, "no JSON object"},
        {R"({"__metadata__":"a"})", 0, "no JSON object"},
        {R"({"__metadata__":{"a":1}})", 0, "no JSON string"},
        {R"({"__metadata__":{"a":null}})", 0, "no JSON string"},
        {R"({"__metadata__":{"a":{}}})", 0, "no JSON string"},
        {R"({"__metadata__":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         4,
         "no JSON string"},
    });
}

TEST(Safetensors, ShapesAreBounded) {
    const auto shape = [](const std::string& dtype, const std::string& of) {
        return "{" + safetensors_entry("a", dtype, of, 0, 4) + "}";
    };
    std::string long_shape = "[1";
    for (int i = 0; i < 99'999; ++i)
        long_shape += ",1";
    expect_refused({
        {shape("U8", "[5]"), 4, "which take 5"},
        {shape("F32", "[0]"), 4, "which take 0"},
        {shape("U8", "[9223372036854775808]"), 4, "2^63"},
        {shape("U8", "[18446744073709551615,0]"), 4, "2^63"},
        {shape("U8", "[4294967296,4294967296,4]"), 4, "2^63"}, // wraps around to 0
        {shape("F32", "[4611686018427387905]"), 4, "2^64 bits"},
        {shape("F64", "[2305843009213693953]"), 4, "2^64 bits"},
        {shape("U8", long_shape + "]"), 4, "dimensions"},
    });
    std::string longest = "[4";
    for (int i = 0; i < 63; ++i)
        longest += ",1";
    EXPECT_EQ(parse(shape("U8", longest + "]"), 4).tensors[0].shape.size(), 64u);
    expect_refused({{shape("U8", longest + ",1]"), 4, "64 dimensions"}});
}

TEST(Safetensors, RangesTileTheData) {
    const auto two = [](std::uint64_t begin, std::uint64_t end, const char* shape) {
        return "{" + safetensors_entry("a", "U8", "[2]", 0, 2) + "," +
               safetensors_entry("b", "U8", shape, begin, end) + "}";
    };
    EXPECT_NO_THROW(parse(two(2, 4, "[2]"), 4));
    expect_refused({
        {two(2, 4, "[2]"), 5, "goes on for 1 bytes that belong to no tensor"},
        {two(2, 4, "[2]"), 3, "tensor 'b': its data ends at offset 4"},
        {two(3, 4, "[1]"), 4, "tensor 'b': its data begins at byte"}, // a hole
        {two(1, 4, "[3]"), 4, "tensor 'b': its data begins at byte"}, // an overlap
        {two(0, 2, "[2]"), 2, "tensor 'b': its data begins at byte"}, // the same place
        {two(1, 1, "[0]"), 2, "tensor 'b': its data begins at byte"}, // in another one
        {two(3, 3, "[0]"), 2, "tensor 'b': its data ends at offset 3"},
        {two(4, 2, "[2]"), 4, "begins at offset 4 and ends at 2"},
        {two(2, 18446744073709551615u, "[2]"), 4, "tensor 'b': its data ends at"},
        {two(18446744073709551614u, 0, "[2]"), 4, "begins at offset"},
        {"{" + safetensors_entry("a", "U8", "[3]", 1, 4) + "}", 4, "its data begins at byte"},
        {"{}", 1, "belong to no tensor"},
    });
}

TEST(Safetensors, ErrorsSayWhere) {
    const std::string before = "{\"a\":"s + four_bytes + ",\"b\":{\"dtype\":\"U8\",\"shape\":[";
    try {
        parse(before + "-1],\"data_offsets\":[4,5]}}", 5);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.offset(), 8 + before.size());
        EXPECT_NE(std::string(error.what()).find("tensor 'b'"), std::string::npos) << error.what();
    }
    const std::string broken = "{\"a\":"s + four_bytes + ",";
    try {
        parse(broken + "1}", 4);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.offset(), 8 + broken.size()) << error.what();
    }
}

// As safetensors' reader has it, of fields that nobody knows too.
TEST(Safetensors, NumbersBeyondADoubleAreRefused) {
    const auto with = [](const std::string& number) {
        return R"({"a":{"x":[)" + number + R"(],"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
    };
    for (const std::string& number : {"1e308"s, "0e9999999999999999999"s, "-1e-9999999999"s})
        EXPECT_NO_THROW(parse(with(number), 4)) << number;
    for (const std::string& number :
         {"1e309"s, "-1e999"s, "1E+9999999999999999999"s, "9" + std::string(400, '0')})
        expect_file_error(errc::format, "out of range", [&] { parse(with(number), 4); });
}

TEST(Safetensors, NoNamesOfTypesMakeItSlow) {
    const auto header = [](auto word_of) {
        std::string text = "{";
        for (std::size_t i = 0; i < test::equal_hashes; ++i)
            text += (i == 0 ? "" : ",") +
                    safetensors_entry(std::to_string(i), word_of(i), "[]", i, i + 1);
        return text + "}";
    };
    const auto seconds = [](const std::string& text) {
        double least = 1e9;
        for (int i = 0; i < 3; ++i) {
            const std::clock_t begin = std::clock();
            EXPECT_EQ(parse(text, test::equal_hashes).tensors.size(), test::equal_hashes);
            least = std::min(least, static_cast<double>(std::clock() - begin));
        }
        return least;
    };
    const std::hash<std::string> hash;
    const std::size_t one = hash(test::word_of_equal_hash(0));
    EXPECT_EQ(hash(test::word_of_equal_hash(test::equal_hashes - 1)), one) << "no more use";
    const double equal = seconds(header(test::word_of_equal_hash));
    const double usual = seconds(header([](std::size_t i) {
        const std::string word = test::word_of_equal_hash(i);
        return word.substr(test::half_bytes) + word.substr(0, test::half_bytes);
    }));
    EXPECT_LT(equal, 8 * usual);
}

TEST(Safetensors, NoTextOfAFileMakesAnErrorLong) {
    const std::string text(1'000'000, 'x');
    for (const std::string& header :
         {"{" + safetensors_entry("a", text, "[4]", 0, 4) + "}",
          R"({"__metadata__":{")" + text + R"(":"",")" + text + R"(":""}})",
          "{" + safetensors_entry(text.substr(0, 1000), "U8", "[5]", 0, 4) + "}"}) {
        try {
            parse(header, 4);
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_LT(std::string(error.what()).size(), 500u);
        }
    }
}

TEST(Safetensors, NestingCostsNoStack) {
    const auto nested = [](std::size_t depth) {
        return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":)" +
               std::string(depth, '[') + std::string(depth, ']') + "}}";
    };
    const auto around = [](std::size_t depth, const std::string& value) {
        return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":)" +
               std::string(depth, '[') + value + std::string(depth, ']') + "}}";
    };
    EXPECT_NO_THROW(parse(nested(120), 4));
    EXPECT_NO_THROW(parse(around(120, "1"), 4));
    EXPECT_NO_THROW(parse(around(119, R"({"b":"c"})"), 4));
    expect_file_error(errc::format, "too deep", [&] { parse(around(120, "{}"), 4); });
    for (const std::size_t depth : {121u, 1000u, 200'000u})
        expect_file_error(errc::format, "", [&] { parse(nested(depth), 4); });
    expect_file_error(errc::format, "", [&] { parse(std::string(200'000, '['), 0); });
    expect_file_error(errc::format, "", [&] {
        std::string objects;
        for (int i = 0; i < 200'000; ++i)
            objects += "{\"a\":";
        parse(objects, 0);
    });
}

TEST(Safetensors, LimitsAreNamed) {
    expect_refused({
        {"{" + safetensors_entry(std::string(65'536, 'n'), "U8", "[0]", 0, 0) + "}",
         0,
         "65535",
         errc::limit},
    });
    EXPECT_NO_THROW(
        parse("{" + safetensors_entry(std::string(65'535, 'n'), "U8", "[0]", 0, 0) + "}", 0));
    std::string many = "{\"__metadata__\":{";
    for (std::size_t i = 0; i <= safetensors_metadata_max; ++i)
        many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
    expect_refused({{many + "}}", 0, "more than 100000 texts", errc::limit}});
}

/// Tensors of no data, as many as `bytes` hold.
std::string header_of(std::size_t bytes, const std::string& name_end, const std::string& shape) {
    std::string header = "{";
    for (std::size_t i = 0; header.size() < bytes; ++i)
        header +=
            (i > 0 ? "," : "") + safetensors_entry(std::to_string(i) + name_end, "U8", shape, 0, 0);
    return header + "}";
}

TEST(Safetensors, EntriesThatTakeMoreThanThreeTimesTheirTextAreLimited) {
    const std::string usual(30, 'w');
    const std::string refused = "more than three times its size";
    EXPECT_NO_THROW(parse(header_of(1 << 20, "", "[0]"), 0)); // 15 MiB are free
    EXPECT_NO_THROW(parse(header_of(32 << 20, usual, "[0]"), 0));
    expect_file_error(errc::limit, refused, [&] { parse(header_of(32 << 20, "", "[0]"), 0); });
    std::string dimensions = "[0";
    for (int i = 1; i < 64; ++i)
        dimensions += ",1";
    expect_file_error(
        errc::limit, refused, [&] { parse(header_of(32 << 20, "", dimensions + "]"), 0); });
}

TEST(Safetensors, BracesInTextsAreNoTensors) {
    const std::string metadata =
        R"({"__metadata__":{"\\":"\"{","a":")" + std::string(32 << 20, '{') + "\"}";
    EXPECT_EQ(parse(metadata + "}", 0).tensors.size(), 0u);
    EXPECT_EQ(
        parse(metadata + "," + safetensors_entry("t", "U8", "[0]", 0, 0) + "}", 0).tensors.size(),
        1u);
}

TEST(Safetensors, ManyTensorsAreReadInTheOrderOfTheirData) {
    constexpr std::size_t count = 50'000;
    std::string header = "{";
    for (std::size_t i = count; i-- > 0;)
        header += safetensors_entry("t" + std::to_string(i), "U8", "[2]", 2 * i, 2 * i + 2) +
                  (i > 0 ? "," : "}");
    const Layout layout = parse(header, 2 * count);
    ASSERT_EQ(layout.tensors.size(), count);
    for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(layout.tensors[i].name, "t" + std::to_string(i));
}

TEST(FileIndex, TellsTheFormatByTheFirstBytes) {
    const Bytes file = safetensors_file("{\"a\":"s + four_bytes + "}", 4);
    EXPECT_TRUE(looks_like_safetensors(file));
    // a length that begins like a pickle
    std::string header = "{\"a\":"s + four_bytes + "}";
    header.resize(0x280, ' ');
    const Bytes padded = safetensors_file(header, 4);
    ASSERT_EQ(std::to_integer<int>(padded[0]), 0x80);
    ASSERT_EQ(std::to_integer<int>(padded[1]), 2);
    for (const Bytes& one : {file, padded}) {
        const std::uint64_t index = file_index_bytes(one, one.size());
        EXPECT_EQ(index, one.size() - 4);
        const Layout layout = parse_file_index(std::span(one).first(index), one.size());
        EXPECT_EQ(layout.format, FileFormat::safetensors);
    }
    for (const auto& other :
         {"|TZR|\1\0\0\0"s,
          "<html>{{{{"s,
          "{\"abc\": {}}"s,
          ""s,
          "\5"s,
          "\x80\x02}q\0.{{{{"s,
          std::string(100, '\0')}) {
        SCOPED_TRACE(other);
        EXPECT_FALSE(looks_like_safetensors(from_text(other)));
        expect_file_error(
            errc::format, "", [&] { file_index_bytes(from_text(other), other.size()); });
    }
}

} // namespace
} // namespace tz::format
