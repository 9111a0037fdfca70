// What does it cost to know what a file holds? Parsing the index of a file with few and with
// 100,000 tensors, the header of a safetensors file and the list of a model's shards with as many,
// and one tensor header, with and without the MACs of encrypted data. Against: reading the same
// bytes once (their CRC-32), the least that anyone who looks at them pays. Writing the same is
// timed too.
#include <tz/format/hash.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/safetensors_write.hpp>
#include <tz/format/shard_index.hpp>
#include <tz/format/tensorizer.hpp>

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

using namespace tz;

std::vector<format::TensorSpec> specs_of(std::size_t tensors) {
    std::vector<format::TensorSpec> specs;
    for (std::size_t i = 0; i < tensors; ++i) {
        format::TensorSpec spec;
        spec.name = "model.layers." + std::to_string(i) + ".mlp.down_proj.weight";
        spec.kind = format::TensorKind::parameter;
        spec.dtype_code = "<f4";
        spec.shape = {16, 64};
        spec.bytes = 4096;
        specs.push_back(std::move(spec));
    }
    return specs;
}

/// The index just large enough.
format::WriteOptions without_room() {
    format::WriteOptions options;
    options.region_bytes_min = 0;
    return options;
}

/// Argument: tensors.
format::Layout layout_of(const benchmark::State& state) {
    return format::plan_file(specs_of(static_cast<std::size_t>(state.range(0))), without_room());
}

void count(benchmark::State& state, std::size_t bytes) {
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void parse_index(benchmark::State& state) {
    const format::Layout layout = layout_of(state);
    const std::vector<std::byte> bytes = format::write_index(layout);
    for (auto _ : state)
        benchmark::DoNotOptimize(format::parse_index(bytes, layout.file_bytes));
    count(state, bytes.size());
}

void read_index_once(benchmark::State& state) {
    const std::vector<std::byte> bytes = format::write_index(layout_of(state));
    for (auto _ : state)
        benchmark::DoNotOptimize(format::crc32(bytes));
    count(state, bytes.size());
}

void plan_and_write_index(benchmark::State& state) {
    const auto specs = specs_of(static_cast<std::size_t>(state.range(0)));
    std::size_t bytes = 0;
    for (auto _ : state)
        bytes = format::write_index(format::plan_file(specs, without_room())).size();
    count(state, bytes);
}

void parse_safetensors(benchmark::State& state) {
    std::vector<format::SafetensorsSpec> specs;
    for (const format::TensorSpec& spec : specs_of(static_cast<std::size_t>(state.range(0))))
        specs.push_back({spec.name, "F32", spec.shape, spec.bytes});
    const format::SafetensorsPlan plan = format::plan_safetensors(specs);
    for (auto _ : state)
        benchmark::DoNotOptimize(format::parse_safetensors(plan.header, plan.layout.file_bytes));
    count(state, plan.header.size());
}

void parse_shard_index(benchmark::State& state) {
    std::string text = R"({"metadata":{"total_size":1},"weight_map":{)";
    for (const format::TensorSpec& spec : specs_of(static_cast<std::size_t>(state.range(0))))
        text += '"' + spec.name + R"(":"model-00001-of-00002.safetensors",)";
    text.back() = '}';
    text += '}';
    for (auto _ : state)
        benchmark::DoNotOptimize(format::parse_shard_index(std::as_bytes(std::span(text))));
    count(state, text.size());
}

/// Argument: MACs; 0 for a tensor that is not encrypted.
void parse_header(benchmark::State& state) {
    const auto macs = static_cast<std::size_t>(state.range(0));
    format::TensorSpec spec = specs_of(1).front();
    format::WriteOptions options;
    options.encrypted = macs > 0;
    if (macs > 0) {
        spec.bytes = macs * options.piece_bytes;
        spec.shape = {spec.bytes / 4};
    }
    const format::Layout layout = format::plan_file(std::span(&spec, 1), options);
    const format::Tensor& tensor = layout.tensors.front();
    format::HeaderValues values;
    values.sha256 = format::Sha256{};
    if (macs > 0) {
        format::Seal seal;
        seal.macs.resize(macs);
        values.seal = std::move(seal);
    } else {
        values.crc32 = 0;
    }
    const std::vector<std::byte> bytes = format::write_header(tensor, layout, values);
    for (auto _ : state)
        benchmark::DoNotOptimize(format::parse_header(bytes, tensor, layout));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

BENCHMARK(parse_index)->ArgName("tensors")->Arg(300)->Arg(100'000);
BENCHMARK(read_index_once)->ArgName("tensors")->Arg(300)->Arg(100'000);
BENCHMARK(parse_safetensors)->ArgName("tensors")->Arg(300)->Arg(100'000);
BENCHMARK(parse_shard_index)->ArgName("tensors")->Arg(300)->Arg(100'000);
BENCHMARK(plan_and_write_index)->ArgName("tensors")->Arg(300)->Arg(100'000);
BENCHMARK(parse_header)->ArgName("macs")->Arg(0)->Arg(8)->Arg(4096);

} // namespace
