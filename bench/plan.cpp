// Does planning a load matter beside the load? Cutting the layout of a file into chunks, laying its
// tensors out in memory, and drawing all chunks, alone and from several threads, for 100,000 small
// tensors and for 1,000 large ones. There is nothing to compare with but time itself: at 5 GB/s a
// chunk of 4 MiB takes 800 microseconds, so drawing one must cost next to none of them.
#include <tz/engine/plan.hpp>
#include <tz/engine/queue.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tz;

/// Tensors of `bytes` each, headers between them, as a writer without alignment puts them.
format::Layout layout_of(std::size_t tensors, std::uint64_t bytes) {
    format::Layout layout;
    layout.version = 2;
    std::uint64_t at = layout.index_bytes = 1 << 20;
    for (std::size_t i = 0; i < tensors; ++i) {
        format::Tensor tensor;
        tensor.name = "model.layers." + std::to_string(i) + ".weight";
        tensor.dtype = {"<f4", "float32", 32};
        tensor.shape = {bytes / 4};
        tensor.bytes = bytes;
        tensor.header = {at, 128};
        tensor.data = {at + 128, bytes};
        at += 128 + bytes;
        layout.tensors.push_back(std::move(tensor));
    }
    layout.file_bytes = at + 8;
    return layout;
}

std::vector<Item> items_of(const format::Layout& layout) {
    std::vector<Item> items;
    for (const auto& tensor : layout.tensors)
        items.push_back(whole_item(layout, tensor, 0));
    return items;
}

/// Arguments: tensors, KiB of each.
format::Layout layout_of(const benchmark::State& state) {
    return layout_of(
        static_cast<std::size_t>(state.range(0)), static_cast<std::uint64_t>(state.range(1)) << 10);
}

void cut(benchmark::State& state) {
    const format::Layout layout = layout_of(state);
    const std::vector<Item> items = items_of(layout);
    const PlanOptions options;
    std::size_t chunks = 0;
    for (auto _ : state) {
        const Plan plan(items, options);
        chunks = plan.chunks().size();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["chunks"] = static_cast<double>(chunks);
}

void lay_out_in_memory(benchmark::State& state) {
    const format::Layout layout = layout_of(state);
    const std::vector<Item> items = items_of(layout);
    for (auto _ : state)
        benchmark::DoNotOptimize(lay_out(items));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// A third argument: threads that draw at once, each as one lane.
void draw(benchmark::State& state) {
    const format::Layout layout = layout_of(state);
    const std::vector<Item> items = items_of(layout);
    const auto threads = static_cast<unsigned>(state.range(2));
    const Plan plan(items, PlanOptions{});
    const std::size_t chunks = plan.chunks().size();
    QueueOptions options;
    options.sources = {0};
    options.spans = options.lanes = options.lanes_max = threads;
    for (auto _ : state) {
        state.PauseTiming();
        Queue queue(plan.chunks(), options);
        state.ResumeTiming();
        const auto draw_all = [&queue](unsigned lane) {
            while (const Chunk* chunk = queue.draw(lane).chunk)
                benchmark::DoNotOptimize(chunk);
        };
        std::vector<std::jthread> others;
        for (unsigned lane = 1; lane < threads; ++lane)
            others.emplace_back(draw_all, lane);
        draw_all(0);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunks));
}

BENCHMARK(cut)
    ->ArgNames({"tensors", "KiB"})
    ->Args({100'000, 4})
    ->Args({1'000, 65'536})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(lay_out_in_memory)
    ->ArgNames({"tensors", "KiB"})
    ->Args({100'000, 4})
    ->Args({1'000, 65'536})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(draw)
    ->ArgNames({"tensors", "KiB", "threads"})
    ->Args({1'000, 65'536, 1})
    ->Args({1'000, 65'536, 2})
    ->UseRealTime();

} // namespace
