// Which version, and how much data, what is to be written takes.
#include "support/made_file.hpp"
#include <tz/format/tensorizer_specs.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

const std::string bfloat16 = "<V2\0torch.bfloat16"s;

TensorSpec spec(std::string name, std::string code, std::vector<std::uint64_t> shape) {
    return content(std::move(name), std::move(code), std::move(shape)).spec;
}

TensorSpec meta(std::string name, std::string code, std::vector<std::uint64_t> shape) {
    TensorSpec made = spec(std::move(name), std::move(code), std::move(shape));
    made.meta = true;
    return made;
}

WriteOptions encrypted(WriteOptions options = {}) {
    options.encrypted = true;
    return options;
}

TEST(Version, IsTheSmallestThatHoldsEveryTensor) {
    const TensorSpec plain = spec("plain", "<f4", {1});
    const TensorSpec opaque = spec("opaque", bfloat16, {1});
    const TensorSpec empty_opaque = spec("empty opaque", bfloat16, {0});
    const TensorSpec no_data = meta("meta", "<f4", {2});
    const TensorSpec empty_meta = meta("empty meta", "<f4", {0, 3});
    const TensorSpec scalar_meta = meta("scalar meta", "<f4", {});
    const TensorSpec wide = spec("wide", "<f4", {1ull << 32, 0});
    const TensorSpec widest_short = spec("widest short", "<f4", {(1ull << 32) - 1, 0});

    struct Case {
        std::vector<TensorSpec> specs;
        std::uint32_t plain;
        std::uint32_t encrypted;
    };

    const std::vector<Case> cases{
        {{plain}, 1, 3},
        {{opaque}, 2, 3},
        {{empty_opaque}, 2, 3},
        {{plain, opaque}, 2, 3},
        {{opaque, plain}, 2, 3},
        {{no_data}, 4, 4},
        {{opaque, no_data, plain}, 4, 4},
        {{empty_meta}, 4, 4},
        {{scalar_meta}, 1, 3}, // written with data
        {{widest_short}, 1, 3},
        {{wide}, 5, 5},
        {{plain, wide, opaque}, 5, 5},
        {{wide, no_data}, 5, 5},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.specs.front().name);
        EXPECT_EQ(plan_file(each.specs, {}).version, each.plain);
        EXPECT_EQ(plan_file(each.specs, encrypted()).version, each.encrypted);
    }
}

TEST(Version, IsTheSameWhenWritingLikePip) {
    const TensorSpec wide = spec("wide", "<f4", {1ull << 32, 0});
    EXPECT_EQ(plan_file(std::vector{spec("a", "<f4", {1})}, like_pip_options()).version, 1u);
    EXPECT_EQ(plan_file(std::vector{spec("a", bfloat16, {1})}, like_pip_options()).version, 2u);
    EXPECT_EQ(plan_file(std::vector{meta("a", bfloat16, {1})}, like_pip_options()).version, 4u);
    EXPECT_EQ(plan_file(std::vector{wide}, like_pip_options()).version, 5u);
}

TEST(MetaTensor, HasAShapeAndNoData) {
    for (const bool sealed : {false, true}) {
        const Secret key(counting(32));
        Content bare = content("m", "<f4", {3, 5});
        bare.spec.meta = true;
        bare.data.clear();
        MakeOptions options;
        options.key = sealed ? &key : nullptr;
        const MadeFile file = make_file({content("a", "<f4", {2}), bare}, options);
        const Parsed parsed = parse_all(file.bytes);
        EXPECT_TRUE(parsed.layout.tensors[1].meta());
        EXPECT_EQ(parsed.layout.tensors[1].bytes, 60u);
        EXPECT_EQ(parsed.layout.encrypted, sealed);
        EXPECT_TRUE(parsed.headers[1].crc32);
        EXPECT_TRUE(parsed.headers[1].sha256);
        EXPECT_FALSE(parsed.headers[1].seal);
    }
}

TEST(MetaTensor, WithoutDimensionsIsWrittenWithDataSinceNoReaderOfPipTakesIt) {
    const Layout layout = plan_file(std::vector{meta("m", "<c16", {})}, {});
    EXPECT_EQ(layout.tensors[0].data.bytes, 16u);
    EXPECT_FALSE(layout.tensors[0].meta());
}

TEST(MetaTensor, OfAnOpaqueTypeIsRefusedUnlessWrittenLikePip) {
    const std::vector specs{meta("m", bfloat16, {3})};
    expect_error(errc::usage, "can't open", [&] { plan_file(specs, {}); });
    EXPECT_EQ(plan_file(specs, like_pip_options()).tensors[0].data.bytes, 0u);
    // these have a byte, or their element
    EXPECT_EQ(plan_file(std::vector{meta("m", bfloat16, {0})}, {}).tensors[0].data.bytes, 1u);
    EXPECT_EQ(plan_file(std::vector{meta("m", bfloat16, {})}, {}).tensors[0].data.bytes, 2u);
}

TEST(CheckSpecs, RefusesMoreTensorsThanAreReadBeforeItLooksAtOne) {
    const std::vector specs{spec("a", "<f4", {1})};
    const Tensor other;
    for (const std::uint64_t others : {tensors_max, tensors_max + 1})
        expect_error(errc::limit, "too many tensors", [&] {
            check_specs(specs, {}, std::span(&other, others)); // of which there is one
        });
}

TEST(LikePip, GivesAnEmptyOpaqueTensorNoByte) {
    const std::vector specs{spec("e", bfloat16, {0})};
    EXPECT_EQ(plan_file(specs, like_pip_options()).tensors[0].data.bytes, 0u);
}

TEST(LikePip, RefusesWhatPipCannotWrite) {
    const std::vector empty{spec("e", "<f4", {0})};
    expect_error(
        errc::usage, "empty tensor", [&] { plan_file(empty, encrypted(like_pip_options())); });
    EXPECT_NO_THROW(plan_file(empty, like_pip_options()));
    EXPECT_NO_THROW(plan_file(empty, encrypted()));
    expect_error(errc::usage, "without dimensions", [&] {
        plan_file(std::vector{meta("m", "<f4", {})}, like_pip_options());
    });
}

} // namespace
} // namespace tz::format
