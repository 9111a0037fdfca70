// Shapes of made models: pure, without a byte of weights.
#include <tz/format/error.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tools/bench_shape.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace tz::bench {
namespace {

const format::TensorSpec* find(const ModelShape& shape, const std::string& name) {
    const auto found = std::ranges::find(shape.tensors, name, &format::TensorSpec::name);
    return found == shape.tensors.end() ? nullptr : &*found;
}

std::uint64_t number(const ModelShape& shape, const char* member) {
    return shape.config.at(member).get<std::uint64_t>();
}

TEST(ModelShape, HasTheSizeThatIsAskedFor) {
    for (const std::string& name : shape_names())
        for (const std::uint64_t bytes :
             {4'000'000ull,
              8'000'000ull,
              256ull << 20,
              2'000'000'000ull,
              16'000'000'000ull,
              140'000'000'000ull}) {
            if (name == "many-small" && bytes > 16'000'000'000)
                continue; // more tensors than a file may have
            const ModelShape shape = model_shape(name, bytes);
            const double share = static_cast<double>(shape.bytes()) / static_cast<double>(bytes);
            EXPECT_NEAR(share, 1, 0.05) << name << " of " << bytes;
        }
}

TEST(ModelShape, NamesEachTensorOnceAndCountsItsBytes) {
    for (const std::string& name : shape_names()) {
        std::set<std::string> names;
        for (const format::TensorSpec& spec : model_shape(name, 100'000'000).tensors) {
            EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
            std::uint64_t bytes = spec.dtype_code == "<f4" ? 4 : 2;
            for (const std::uint64_t dimension : spec.shape)
                bytes *= dimension;
            EXPECT_EQ(spec.bytes, bytes) << spec.name;
            EXPECT_GT(spec.bytes, 0u) << spec.name;
        }
    }
}

TEST(ModelShape, HasTheNamesOfTheRealModels) {
    const std::pair<const char*, std::vector<const char*>> table[] = {
        {"llama",
         {"model.embed_tokens.weight",
          "model.layers.0.self_attn.q_proj.weight",
          "model.layers.0.mlp.gate_proj.weight",
          "model.layers.0.post_attention_layernorm.weight",
          "model.norm.weight",
          "lm_head.weight"}},
        {"gpt-j",
         {"transformer.wte.weight",
          "transformer.h.0.ln_1.bias",
          "transformer.h.0.attn.out_proj.weight",
          "transformer.h.0.mlp.fc_in.bias",
          "lm_head.bias"}},
        {"opt",
         {"model.decoder.embed_positions.weight",
          "model.decoder.layers.0.self_attn.k_proj.bias",
          "model.decoder.layers.0.fc2.weight",
          "model.decoder.final_layer_norm.weight"}},
        {"moe",
         {"model.layers.0.block_sparse_moe.gate.weight",
          "model.layers.0.block_sparse_moe.experts.7.w3.weight"}},
    };
    for (const auto& [name, tensors] : table) {
        const ModelShape shape = model_shape(name, 50'000'000);
        for (const char* tensor : tensors)
            EXPECT_NE(find(shape, tensor), nullptr) << name << ": " << tensor;
    }
    EXPECT_EQ(find(model_shape("opt", 50'000'000), "lm_head.weight"), nullptr) << "it is tied";
}

TEST(ModelShape, SaysInItsConfigurationWhatItsTensorsAre) {
    const ModelShape shape = model_shape("llama", 16'000'000'000);
    const std::uint64_t width = number(shape, "hidden_size");
    const std::uint64_t layers = number(shape, "num_hidden_layers");
    const std::uint64_t head = width / number(shape, "num_attention_heads");
    using Dimensions = std::vector<std::uint64_t>;
    EXPECT_EQ(
        find(shape, "model.embed_tokens.weight")->shape,
        (Dimensions{number(shape, "vocab_size"), width}));
    EXPECT_EQ(
        find(shape, "model.layers.0.self_attn.k_proj.weight")->shape,
        (Dimensions{number(shape, "num_key_value_heads") * head, width}));
    EXPECT_EQ(
        find(shape, "model.layers.0.mlp.down_proj.weight")->shape,
        (Dimensions{width, number(shape, "intermediate_size")}));
    const std::string last = "model.layers." + std::to_string(layers - 1) + ".";
    EXPECT_NE(find(shape, last + "input_layernorm.weight"), nullptr);
    const std::string none = "model.layers." + std::to_string(layers) + ".";
    EXPECT_EQ(find(shape, none + "input_layernorm.weight"), nullptr);
}

TEST(ModelShape, GrowsInWidthAndDepthTogether) {
    for (const char* name : {"llama", "moe"})
        for (const std::uint64_t bytes : {100'000'000ull, 2'000'000'000ull, 140'000'000'000ull}) {
            const ModelShape shape = model_shape(name, bytes);
            const double ratio = static_cast<double>(number(shape, "hidden_size")) /
                                 static_cast<double>(number(shape, "num_hidden_layers"));
            EXPECT_GT(ratio, 32) << name << " of " << bytes;
            EXPECT_LT(ratio, 512) << name << " of " << bytes;
        }
}

TEST(ModelShape, SizesOfTensorsAreWhatTheNameSays) {
    for (const format::TensorSpec& spec : model_shape("many-small", 100'000'000).tensors)
        EXPECT_LE(spec.bytes, 64u << 10) << spec.name;
    const ModelShape large = model_shape("one-large", 100'000'000);
    EXPECT_GT(find(large, "linear.weight")->bytes, large.bytes() * 99 / 100);
    EXPECT_TRUE(large.config.is_null()) << "transformers knows no such model";
}

TEST(ModelShape, RefusesOtherNamesAndTooFewBytes) {
    const std::pair<const char*, std::uint64_t> table[] = {
        {"gpt", 100'000'000}, {"", 100'000'000}, {"llama", shape_bytes_min - 1}, {"opt", 0}};
    for (const auto& [name, bytes] : table) {
        const auto error = test::error_of([&] { model_shape(name, bytes); });
        ASSERT_TRUE(error) << name;
        EXPECT_EQ(error->kind(), errc::usage) << name;
        EXPECT_FALSE(error->hint().empty()) << name;
    }
}

} // namespace
} // namespace tz::bench
