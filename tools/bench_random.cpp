#include <tz/tools/bench_random.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace tz::bench {

namespace {

const std::string bfloat16("<V2\0torch.bfloat16", 18);
const std::string float32 = "<f4";

// A layer of 68 MiB.
constexpr std::uint64_t hidden = 2048;
constexpr std::uint64_t key_rows = 512;
constexpr std::uint64_t inner = 4096;

using Shape = std::vector<std::uint64_t>;

format::TensorSpec spec(std::string name, const std::string& dtype, Shape shape) {
    format::TensorSpec made;
    made.name = std::move(name);
    made.kind = format::TensorKind::parameter;
    made.dtype_code = dtype;
    made.bytes = dtype == float32 ? 4 : 2;
    for (const std::uint64_t dimension : shape)
        made.bytes *= dimension;
    made.shape = std::move(shape);
    return made;
}

std::vector<format::TensorSpec> layer(std::uint64_t index) {
    const std::string at = "model.layers." + std::to_string(index) + ".";
    return {
        spec(at + "self_attn.q_proj.weight", bfloat16, {hidden, hidden}),
        spec(at + "self_attn.k_proj.weight", bfloat16, {key_rows, hidden}),
        spec(at + "self_attn.v_proj.weight", bfloat16, {key_rows, hidden}),
        spec(at + "self_attn.o_proj.weight", bfloat16, {hidden, hidden}),
        spec(at + "mlp.gate_proj.weight", bfloat16, {inner, hidden}),
        spec(at + "mlp.up_proj.weight", bfloat16, {inner, hidden}),
        spec(at + "mlp.down_proj.weight", bfloat16, {hidden, inner}),
        spec(at + "input_layernorm.weight", float32, {hidden}),
        spec(at + "post_attention_layernorm.weight", float32, {hidden}),
    };
}

std::uint64_t sum(const std::vector<format::TensorSpec>& specs) {
    std::uint64_t bytes = 0;
    for (const auto& one : specs)
        bytes += one.bytes;
    return bytes;
}

std::vector<format::TensorSpec> transformer(std::uint64_t bytes) {
    std::vector<format::TensorSpec> specs;
    const std::uint64_t layers = bytes / sum(layer(0));
    const std::uint64_t rest = bytes - layers * sum(layer(0));
    const std::uint64_t rows = std::max<std::uint64_t>(1, rest / (2 * hidden));
    specs.push_back(spec("model.embed_tokens.weight", bfloat16, {rows, hidden}));
    for (std::uint64_t i = 0; i < layers; ++i)
        for (auto& one : layer(i))
            specs.push_back(std::move(one));
    specs.push_back(spec("model.norm.weight", float32, {hidden}));
    return specs;
}

std::vector<format::TensorSpec> equal_tensors(std::uint64_t bytes, std::uint64_t each) {
    std::vector<format::TensorSpec> specs;
    each = std::max<std::uint64_t>(4, each / 4 * 4);
    for (std::uint64_t done = 0; done + 4 <= bytes; done += specs.back().bytes)
        specs.push_back(spec(
            "tensor." + std::to_string(specs.size()), float32, {std::min(each, bytes - done) / 4}));
    return specs;
}

std::uint64_t mix(std::uint64_t x) { // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

void fill_in_parallel(std::span<std::byte> memory, std::uint64_t seed) {
    constexpr std::size_t part = 64 << 20;
    const std::size_t parts = (memory.size() + part - 1) / part;
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> pool;
    pool.reserve(threads);
    for (unsigned thread = 0; thread < threads; ++thread)
        pool.emplace_back([=] {
            for (std::size_t i = thread; i < parts; i += threads)
                fill_random(
                    memory.subspan(i * part, std::min(part, memory.size() - i * part)), seed + i);
        });
}

} // namespace

void fill_random(std::span<std::byte> bytes, std::uint64_t seed) {
    std::uint64_t state = mix(seed + 1);
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        const std::uint64_t word = mix(state += 0x9e3779b97f4a7c15);
        std::memcpy(bytes.data() + at, &word, 8);
    }
    for (; at < bytes.size(); ++at)
        bytes[at] = static_cast<std::byte>(mix(state++));
}

RandomModel random_model(std::vector<format::TensorSpec> specs, std::uint64_t seed) {
    RandomModel model;
    model.bytes = sum(specs);
    model.memory = std::make_unique<HostMemory>(model.bytes);
    // 0 for 0; else far from the parts of other seeds
    fill_in_parallel(model.memory->bytes(), mix(seed));
    std::size_t at = 0;
    for (auto& one : specs) {
        const std::size_t size = one.bytes;
        model.tensors.push_back({std::move(one), model.memory->bytes().subspan(at, size)});
        at += size;
    }
    return model;
}

RandomModel random_model(std::uint64_t bytes, std::uint64_t tensor_bytes, std::uint64_t seed) {
    return random_model(
        tensor_bytes == 0 ? transformer(bytes) : equal_tensors(bytes, tensor_bytes), seed);
}

} // namespace tz::bench
