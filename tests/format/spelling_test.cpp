#include "support/bytes.hpp"
#include <tz/format/spelling.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

using Shape = std::vector<std::uint64_t>;

Tensor tensor(std::string code, std::string name, std::uint32_t bits, Shape shape) {
    Tensor made;
    made.name = "w";
    made.dtype = {std::move(code), std::move(name), bits};
    made.shape = std::move(shape);
    return made;
}

void expect_spelling(const Spelling& spelling, const std::string& dtype, const Shape& shape) {
    EXPECT_EQ(spelling.dtype, dtype);
    EXPECT_EQ(spelling.shape, shape);
}

TEST(Spelling, ForTensorsIsNumPysOrASizeAndTorchsName) {
    expect_spelling(spell_for_tensors(tensor("F32", "float32", 32, {2, 3})), "<f4", {2, 3});
    expect_spelling(spell_for_tensors(tensor("BOOL", "bool", 8, {})), "|b1", {});
    expect_spelling(
        spell_for_tensors(tensor("BF16", "bfloat16", 16, {5})), "<V2\0torch.bfloat16"s, {5});
}

TEST(Spelling, CountsPairsOfFourBitsWhereTorchDoes) {
    const Shape halves{3, 4};
    const std::string code = "|V1\0torch.float4_e2m1fn_x2"s;
    expect_spelling(spell_for_tensors(tensor("F4", "float4_e2m1fn", 4, {3, 8})), code, halves);
    expect_spelling(
        spell_for_safetensors(tensor(code, "float4_e2m1fn_x2", 8, halves)), "F4", {3, 8});
}

TEST(Spelling, ForSafetensorsIsItsOwn) {
    expect_spelling(spell_for_safetensors(tensor("<f8", "float64", 64, {1})), "F64", {1});
    expect_spelling(
        spell_for_safetensors(tensor("<V2\0torch.bfloat16"s, "bfloat16", 16, {7})), "BF16", {7});
}

TEST(Spelling, OfWhatTheOtherFormatLacksIsRefused) {
    const struct {
        const char* text;
        Tensor tensor;
    } none_in_tensors[] = {
        {"no dtype 'float4_e2m1fn'", tensor("F4", "float4_e2m1fn", 4, {3})}, // half a pair
        {"no dtype 'float4_e2m1fn'", tensor("F4", "float4_e2m1fn", 4, {})},
        {"no dtype 'float6_e2m3fn'", tensor("F6_E2M3", "float6_e2m3fn", 6, {4})},
        {"no dtype 'X7'", tensor("X7", "X7", 0, {0})},
        {"no dtype 'X8'", tensor("X8", "X8", 8, {1})},
    };

    for (const auto& row : none_in_tensors)
        expect_error(errc::unsupported, "tensor 'w': .tensors files have "s + row.text, [&] {
            spell_for_tensors(row.tensor);
        });
    for (const Tensor& one :
         {tensor("<c16", "complex128", 128, {1}),
          tensor("<V4\0torch.float32"s, "float32", 16, {1}),
          tensor("|V1\0torch.float4_e2m1fn_x2"s, "float4_e2m1fn_x2", 8, {})})
        expect_error(errc::unsupported, "tensor 'w': safetensors files have no dtype", [&] {
            spell_for_safetensors(one);
        });
}

} // namespace
} // namespace tz::format
