// What a load pays before its first copy and behind its last one: memory of the device, staging
// and streams.
#include "probe.hpp"

#include <atomic>
#include <memory>

namespace tz::probe {

namespace {

constexpr std::size_t lane_bytes = 4 << 20;
constexpr std::size_t lanes = 24;

double ms_of(const std::function<void()>& body) {
    const Stopwatch watch;
    body();
    return watch.seconds() * 1e3;
}

/// `body` for each of `count`, by so many threads.
void by_threads(
    std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& body) {
    std::atomic<std::size_t> next = 0;
    run_threads(threads, [&](std::size_t) {
        cudaSetDevice(0);
        for (std::size_t at = next++; at < count; at = next++)
            body(at);
    });
}

void try_blocks(std::size_t count, std::uint64_t bytes, std::size_t threads) {
    std::vector<std::unique_ptr<DeviceBlock>> blocks(count);
    const double got = ms_of([&] {
        by_threads(threads, count, [&](std::size_t i) {
            blocks[i] = std::make_unique<DeviceBlock>(bytes);
        });
    });
    const double freed = ms_of([&] { blocks.clear(); });
    row(
        {fmt::format("device memory, {} x {} MiB, {} threads", count, bytes >> 20, threads),
         text(got),
         text(freed)});
}

/// Staging of all lanes, a piece each or all in one.
void try_staging(std::size_t pieces, std::size_t threads) {
    std::unique_ptr<HostBlock> memory;
    const std::size_t bytes = lanes * lane_bytes / pieces;
    const double touched =
        ms_of([&] { memory = std::make_unique<HostBlock>(lanes * lane_bytes, true); });
    const double pinned = ms_of([&] {
        by_threads(threads, pieces, [&](std::size_t i) {
            check(
                cudaHostRegister(memory->data() + i * bytes, bytes, cudaHostRegisterPortable),
                "cudaHostRegister");
        });
    });
    const double unpinned = ms_of([&] {
        by_threads(threads, pieces, [&](std::size_t i) {
            check(cudaHostUnregister(memory->data() + i * bytes), "cudaHostUnregister");
        });
    });
    row(
        {fmt::format(
             "staging, touched in {} ms, {} x {} MiB, {} threads",
             text(touched),
             pieces,
             bytes >> 20,
             threads),
         text(pinned),
         text(unpinned)});
}

void try_streams(std::size_t count) {
    std::unique_ptr<Streams> streams;
    const double made = ms_of([&] { streams = std::make_unique<Streams>(count); });
    const double gone = ms_of([&] { streams.reset(); });
    row({fmt::format("{} streams", count), text(made), text(gone)});
}

} // namespace

void setup() {
    cudaFree(nullptr); // the context, which a process pays once
    table("Making ready and giving back: ms", {"of", "to get", "to give back"});
    const std::uint64_t all = volume(15ull << 30);
    for (int round = 0; round < 2; ++round) {
        attempt("blocks", [&] { try_blocks(15, all / 15, 1); });
        attempt("blocks", [&] { try_blocks(15, all / 15, 4); });
        attempt("blocks", [&] { try_blocks(4, all / 4, 1); });
        attempt("a block", [&] { try_blocks(1, all, 1); });
        attempt("staging", [] { try_staging(lanes, 1); });
        attempt("staging", [] { try_staging(lanes, 12); });
        attempt("staging", [] { try_staging(1, 1); });
        attempt("streams", [] { try_streams(2); });
    }
}

} // namespace tz::probe
