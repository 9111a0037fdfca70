#include "support/bytes.hpp"
#include <tz/format/dtype.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

TEST(ParseDType, KnowsNumPysTypes) {
    const std::vector<std::tuple<const char*, const char*, unsigned>> types{
        {"|b1", "bool", 1},
        {"|i1", "int8", 1},
        {"|u1", "uint8", 1},
        {"<i2", "int16", 2},
        {"<i4", "int32", 4},
        {"<i8", "int64", 8},
        {"<u2", "uint16", 2},
        {"<u4", "uint32", 4},
        {"<u8", "uint64", 8},
        {"<f2", "float16", 2},
        {"<f4", "float32", 4},
        {"<f8", "float64", 8},
        {"<c8", "complex64", 8},
        {"<c16", "complex128", 16}};
    for (const auto& [code, name, bytes] : types) {
        const DType dtype = parse_dtype(code, 0);
        EXPECT_EQ(dtype, (DType{code, name, 8 * bytes}));
        EXPECT_FALSE(opaque(dtype));
    }
}

TEST(ParseDType, KeepsOpaqueTypesWhetherKnownOrNot) {
    for (const auto& [code, name, bytes] :
         std::vector<std::tuple<std::string, std::string, unsigned>>{
             {"<V2\0torch.bfloat16"s, "bfloat16", 2},
             {"<V4\0torch.complex32"s, "complex32", 4},
             {"|V1\0torch.float8_e4m3fn"s, "float8_e4m3fn", 1},
             {"|V1\0torch.float4_e2m1fn_x2"s, "float4_e2m1fn_x2", 1},
             {"|V1\0torch.uint3"s, "uint3", 1},
             {"|V2\0torch.bits16"s, "bits16", 2},
             {"<V8\0torch.not_yet_invented"s, "not_yet_invented", 8}}) {
        const DType dtype = parse_dtype(code, 0);
        EXPECT_EQ(dtype, (DType{code, name, 8 * bytes}));
        EXPECT_TRUE(opaque(dtype));
    }
}

TEST(ParseDType, TakesWhatNumPyTakes) {
    for (const char* code : {"=f4", "f4", "float32", "|f4"})
        EXPECT_EQ(parse_dtype(code, 0), (DType{code, "float32", 32}));
}

TEST(ParseDType, IgnoresATorchNameAfterANumPyType) {
    EXPECT_EQ(parse_dtype("<f4\0torch.load"s, 0).name, "float32");
}

TEST(ParseDType, RefusesOthers) {
    struct Case {
        std::string code;
        errc kind;
        const char* text;
    };

    const std::vector<Case> cases{
        {"", errc::format, "is empty"},
        {"\0torch.bfloat16"s, errc::format, "is empty"},
        {"<V2\0torch.bfloat16\0"s, errc::format, "more than one NUL"},
        {"<f4\0\0"s, errc::format, "more than one NUL"},
        {"|V2", errc::format, "lacks the name"},
        {"<V3\0torch.int24"s, errc::format, "element size"},
        {"<V16\0torch.huge"s, errc::format, "element size"},
        {"<V\0torch.bfloat16"s, errc::format, "element size"},
        {"<V2x\0torch.bfloat16"s, errc::format, "element size"},
        {"<V-2\0torch.bfloat16"s, errc::format, "element size"},
        {"<V4294967298\0torch.bfloat16"s, errc::format, "element size"},
        {"<V2\0bfloat16"s, errc::format, "name a torch type"},
        {"<V2\0torch."s, errc::format, "name a torch type"},
        {"<V2\0torch.os.system"s, errc::format, "name a torch type"},
        {"<V2\0torch.load('x')"s, errc::format, "name a torch type"},
        {"<V4\0torch.bfloat16"s, errc::format, "have 2 bytes"},
        {"<V2\0torch.float8_e4m3fn"s, errc::format, "have 1 bytes"},
        {"<V2\0torch.float32"s, errc::format, "have 4 bytes"},
        {">f4", errc::unsupported, "big-endian"},
        {">V2\0torch.bfloat16"s, errc::unsupported, "big-endian"},
        {"<f16", errc::unsupported, "not known"},
        {"<U8", errc::unsupported, "not known"},
        {"|O", errc::unsupported, "not known"},
        {"<float32", errc::unsupported, "not known"},
        {"=", errc::unsupported, "not known"},
        {std::string(255, 'x'), errc::unsupported, "not known"},
    };
    for (const Case& bad : cases) {
        SCOPED_TRACE(printable(bad.code));
        expect_file_error(bad.kind, bad.text, [&] { parse_dtype(bad.code, 7); });
    }
}

} // namespace
} // namespace tz::format
