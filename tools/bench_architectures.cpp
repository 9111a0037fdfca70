#include <tz/tools/bench_architectures.hpp>

#include <fmt/format.h>

#include <array>
#include <utility>

namespace tz::bench {

const Element bfloat16{{"<V2\0torch.bfloat16", 18}, 2};
const Element float32{"<f4", 4};

namespace {

using cli::Json;
using Specs = std::vector<format::TensorSpec>;
using Dimensions = std::vector<std::uint64_t>;

const Element float16{"<f2", 2};

constexpr std::uint64_t experts = 8;
constexpr std::uint64_t positions = 2048;

void add(Specs& specs, std::string name, const Element& element, Dimensions shape) {
    specs.push_back(tensor_spec(std::move(name), element, std::move(shape)));
}

void add_norm(Specs& specs, const std::string& name, const Element& element, std::uint64_t width) {
    add(specs, name + ".weight", element, {width});
    add(specs, name + ".bias", element, {width});
}

/// Of llama and mixtral, whose layers differ in what follows.
void add_attention(Specs& specs, const std::string& at, const Scale& scale) {
    const std::uint64_t width = scale.width;
    add_linear(specs, at + "self_attn.q_proj", bfloat16, width, width);
    add_linear(specs, at + "self_attn.k_proj", bfloat16, scale.shared_width(), width);
    add_linear(specs, at + "self_attn.v_proj", bfloat16, scale.shared_width(), width);
    add_linear(specs, at + "self_attn.o_proj", bfloat16, width, width);
    add(specs, at + "input_layernorm.weight", bfloat16, {width});
    add(specs, at + "post_attention_layernorm.weight", bfloat16, {width});
}

template <typename AddRest>
Specs llama_like(const Scale& scale, const AddRest& add_rest) {
    Specs specs;
    add_linear(specs, "model.embed_tokens", bfloat16, scale.vocabulary, scale.width);
    for (std::uint64_t i = 0; i < scale.layers; ++i) {
        const std::string at = fmt::format("model.layers.{}.", i);
        add_attention(specs, at, scale);
        add_rest(specs, at);
    }
    add(specs, "model.norm.weight", bfloat16, {scale.width});
    add_linear(specs, "lm_head", bfloat16, scale.vocabulary, scale.width);
    return specs;
}

Specs llama(const Scale& scale) {
    return llama_like(scale, [&](Specs& specs, const std::string& at) {
        add_linear(specs, at + "mlp.gate_proj", bfloat16, scale.inner(), scale.width);
        add_linear(specs, at + "mlp.up_proj", bfloat16, scale.inner(), scale.width);
        add_linear(specs, at + "mlp.down_proj", bfloat16, scale.width, scale.inner());
    });
}

Specs mixtral(const Scale& scale) {
    return llama_like(scale, [&](Specs& specs, const std::string& at) {
        const std::string moe = at + "block_sparse_moe.";
        add_linear(specs, moe + "gate", bfloat16, experts, scale.width);
        for (std::uint64_t i = 0; i < experts; ++i) {
            const std::string expert = fmt::format("{}experts.{}.", moe, i);
            add_linear(specs, expert + "w1", bfloat16, scale.inner(), scale.width);
            add_linear(specs, expert + "w2", bfloat16, scale.width, scale.inner());
            add_linear(specs, expert + "w3", bfloat16, scale.inner(), scale.width);
        }
    });
}

Specs gpt_j(const Scale& scale) {
    const std::uint64_t width = scale.width;
    Specs specs;
    add_linear(specs, "transformer.wte", float16, scale.vocabulary, width);
    for (std::uint64_t i = 0; i < scale.layers; ++i) {
        const std::string at = fmt::format("transformer.h.{}.", i);
        add_norm(specs, at + "ln_1", float16, width);
        for (const char* part : {"k_proj", "v_proj", "q_proj", "out_proj"})
            add_linear(specs, at + "attn." + part, float16, width, width);
        add_linear(specs, at + "mlp.fc_in", float16, 4 * width, width, true);
        add_linear(specs, at + "mlp.fc_out", float16, width, 4 * width, true);
    }
    add_norm(specs, "transformer.ln_f", float16, width);
    add_linear(specs, "lm_head", float16, scale.vocabulary, width, true);
    return specs;
}

Specs opt(const Scale& scale) {
    const std::uint64_t width = scale.width;
    const std::string decoder = "model.decoder.";
    Specs specs;
    add_linear(specs, decoder + "embed_tokens", float16, scale.vocabulary, width);
    // positions are counted from 2 on
    add_linear(specs, decoder + "embed_positions", float16, positions + 2, width);
    add_norm(specs, decoder + "final_layer_norm", float16, width);
    for (std::uint64_t i = 0; i < scale.layers; ++i) {
        const std::string at = fmt::format("{}layers.{}.", decoder, i);
        for (const char* part : {"k_proj", "v_proj", "q_proj", "out_proj"})
            add_linear(specs, at + "self_attn." + part, float16, width, width, true);
        add_norm(specs, at + "self_attn_layer_norm", float16, width);
        add_linear(specs, at + "fc1", float16, 4 * width, width, true);
        add_linear(specs, at + "fc2", float16, width, 4 * width, true);
        add_norm(specs, at + "final_layer_norm", float16, width);
    }
    return specs;
}

Json config_of(const char* model, const char* architecture, const char* type, const Scale& scale) {
    return {
        {"model_type", model},
        {"architectures", {architecture}},
        {"torch_dtype", type},
        {"vocab_size", scale.vocabulary},
        {"bos_token_id", 1},
        {"eos_token_id", 2},
    };
}

Json llama_config(const Scale& scale) {
    Json config = config_of("llama", "LlamaForCausalLM", "bfloat16", scale);
    config["hidden_size"] = scale.width;
    config["intermediate_size"] = scale.inner();
    config["num_hidden_layers"] = scale.layers;
    config["num_attention_heads"] = scale.heads();
    config["num_key_value_heads"] = scale.shared_heads();
    config["max_position_embeddings"] = positions;
    config["tie_word_embeddings"] = false;
    return config;
}

Json mixtral_config(const Scale& scale) {
    Json config = llama_config(scale);
    config["model_type"] = "mixtral";
    config["architectures"] = {"MixtralForCausalLM"};
    config["num_local_experts"] = experts;
    config["num_experts_per_tok"] = 2;
    return config;
}

Json gpt_j_config(const Scale& scale) {
    Json config = config_of("gptj", "GPTJForCausalLM", "float16", scale);
    config["n_embd"] = scale.width;
    config["n_layer"] = scale.layers;
    config["n_head"] = scale.heads();
    config["n_positions"] = positions;
    config["rotary_dim"] = 64;
    config["tie_word_embeddings"] = false;
    return config;
}

Json opt_config(const Scale& scale) {
    Json config = config_of("opt", "OPTForCausalLM", "float16", scale);
    config["pad_token_id"] = 1;
    config["hidden_size"] = scale.width;
    config["word_embed_proj_dim"] = scale.width;
    config["ffn_dim"] = 4 * scale.width;
    config["num_hidden_layers"] = scale.layers;
    config["num_attention_heads"] = scale.heads();
    config["max_position_embeddings"] = positions;
    config["tie_word_embeddings"] = true; // the file has no head of its own
    return config;
}

} // namespace

format::TensorSpec
tensor_spec(std::string name, const Element& element, std::vector<std::uint64_t> shape) {
    format::TensorSpec spec;
    spec.name = std::move(name);
    spec.kind = format::TensorKind::parameter;
    spec.dtype_code = element.code;
    spec.bytes = element.bytes;
    for (const std::uint64_t dimension : shape)
        spec.bytes *= dimension;
    spec.shape = std::move(shape);
    return spec;
}

void add_linear(
    std::vector<format::TensorSpec>& specs,
    const std::string& name,
    const Element& element,
    std::uint64_t out,
    std::uint64_t in,
    bool biased) {
    specs.push_back(tensor_spec(name + ".weight", element, {out, in}));
    if (biased)
        specs.push_back(tensor_spec(name + ".bias", element, {out}));
}

std::span<const Architecture> architectures() {
    static constexpr std::array<Architecture, 4> all{{
        {"llama", llama, llama_config},
        {"gpt-j", gpt_j, gpt_j_config},
        {"opt", opt, opt_config},
        {"moe", mixtral, mixtral_config},
    }};
    return all;
}

} // namespace tz::bench
