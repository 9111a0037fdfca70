// What does a hash cost a core, and is the library's way the fastest at hand? CRC-32 against
// zlib's, the copy that takes the CRC on its way against a copy and a CRC one after the other,
// SHA-256 of one stream and of several interleaved against OpenSSL called directly, and memcpy as
// the floor. Argument: bytes hashed at once, in KiB, or streams of 4 MiB each; drawn from memory
// larger than a core's caches. The last two take the CRC of a whole from its parts: what a chunk
// costs besides its bytes.
#include <tz/format/hash.hpp>

#include <benchmark/benchmark.h>
#include <openssl/sha.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

namespace {

using namespace tz;

constexpr std::size_t material_bytes = 64 << 20;
constexpr std::size_t stream_bytes = 4 << 20;

struct Material {
    std::vector<std::byte> from = std::vector<std::byte>(material_bytes);
    std::vector<std::byte> to = std::vector<std::byte>(material_bytes);

    Material() {
        std::ranges::generate(
            from, [random = std::mt19937()]() mutable { return static_cast<std::byte>(random()); });
    }
};

Material& material() {
    static Material made;
    return made;
}

/// Times `work(to, from)` over pieces of the material in turn.
template <typename Work>
void over_pieces(benchmark::State& state, Work work) {
    const auto bytes = static_cast<std::size_t>(state.range(0)) << 10;
    const std::span<std::byte> from(material().from);
    const std::span<std::byte> to(material().to);
    std::size_t at = 0;
    for (auto _ : state) {
        auto result = work(to.subspan(at, bytes), from.subspan(at, bytes));
        benchmark::DoNotOptimize(result);
        benchmark::ClobberMemory();
        at += bytes;
        if (at + bytes > material_bytes)
            at = 0;
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

using Bytes = std::span<std::byte>;

const unsigned char* raw(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

void copy_memcpy(benchmark::State& state) {
    over_pieces(state, [](Bytes to, Bytes from) {
        return std::memcpy(to.data(), from.data(), from.size());
    });
}

void crc32(benchmark::State& state) {
    over_pieces(state, [](Bytes, Bytes from) { return format::crc32(from); });
}

void zlib_crc32(benchmark::State& state) {
    over_pieces(state, [](Bytes, Bytes from) { return ::crc32_z(0, raw(from), from.size()); });
}

// As a load does it, in steps that stay in the cache next to the core.
void copy_crc32(benchmark::State& state) {
    static constexpr std::size_t step_bytes = 64 << 10;
    over_pieces(state, [](Bytes to, Bytes from) {
        format::Crc32 crc = 0;
        for (std::size_t done = 0; done < from.size(); done += step_bytes) {
            const auto step = from.subspan(done, std::min(step_bytes, from.size() - done));
            std::memcpy(to.data() + done, step.data(), step.size());
            crc = format::crc32(to.subspan(done, step.size()), crc);
        }
        return crc;
    });
}

void copy_then_crc32(benchmark::State& state) {
    over_pieces(state, [](Bytes to, Bytes from) {
        std::memcpy(to.data(), from.data(), from.size());
        return format::crc32(to);
    });
}

void sha256(benchmark::State& state) {
    over_pieces(state, [](Bytes, Bytes from) { return format::sha256(from); });
}

void sha256_stream(benchmark::State& state) {
    format::Sha256Stream stream;
    over_pieces(state, [&](Bytes, Bytes from) {
        stream.update(from);
        return 0;
    });
}

void sha256_update(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    std::array<format::Sha256Stream, 3> streams;
    std::array<format::Sha256Part, streams.size()> parts{};
    std::size_t at = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < count; ++i) {
            parts[i] = {&streams[i], std::span(material().from).subspan(at, stream_bytes)};
            at = (at + stream_bytes) % material_bytes;
        }
        format::sha256_update(std::span(parts).first(count));
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(count * stream_bytes));
}

void openssl_sha256(benchmark::State& state) {
    over_pieces(state, [](Bytes, Bytes from) {
        std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
        ::SHA256(raw(from), from.size(), digest.data());
        return digest;
    });
}

void crc32_share(benchmark::State& state) {
    std::uint64_t after = 1;
    for (auto _ : state)
        benchmark::DoNotOptimize(format::crc32_share(0x12345678, after += 4 << 20));
}

void zlib_crc32_combine(benchmark::State& state) {
    z_off_t after = 1;
    for (auto _ : state)
        benchmark::DoNotOptimize(::crc32_combine(0x12345678, 0, after += 4 << 20));
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgName("KiB")->Arg(4)->Arg(256)->Arg(2048)->Arg(16384);
}

BENCHMARK(copy_memcpy)->Apply(sizes);
BENCHMARK(crc32)->Apply(sizes);
BENCHMARK(zlib_crc32)->Apply(sizes);
BENCHMARK(copy_crc32)->Apply(sizes);
BENCHMARK(copy_then_crc32)->Apply(sizes);
BENCHMARK(sha256)->Apply(sizes);
BENCHMARK(sha256_stream)->Apply(sizes);
BENCHMARK(sha256_update)->ArgName("streams")->DenseRange(1, 3);
BENCHMARK(openssl_sha256)->Apply(sizes)->Arg(stream_bytes >> 10);
BENCHMARK(crc32_share);
BENCHMARK(zlib_crc32_combine);

} // namespace
