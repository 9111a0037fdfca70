// What does opening sealed data cost a core, by piece size, and does open_piece lose anything
// against libsodium called directly? Also sealing, and the halves that libsodium's secretbox
// consists of: the MAC (Poly1305) and the cipher (XSalsa20). Pieces are drawn from memory larger
// than a core's caches, as in a load.
#include <tz/format/seal.hpp>

#include <benchmark/benchmark.h>
#include <sodium.h>

#include <algorithm>
#include <random>
#include <vector>

namespace {

using namespace tz;

constexpr std::size_t material_bytes = 64 << 20;

/// Pieces of one size, plain and sealed.
struct Material {
    explicit Material(std::size_t piece)
        : piece_bytes(piece),
          plain(material_bytes),
          sealed(material_bytes),
          opened(material_bytes) {
        std::ranges::generate(plain, [random = std::mt19937()]() mutable {
            return static_cast<std::byte>(random());
        });
        for (std::size_t i = 0; i < count(); ++i)
            macs.push_back(format::seal_piece(
                part(sealed, i), part(plain, i), format::piece_nonce(nonce, i), key));
    }

    std::size_t count() const { return material_bytes / piece_bytes; }

    std::span<std::byte> part(std::vector<std::byte>& bytes, std::size_t i) const {
        return std::span(bytes).subspan(i * piece_bytes, piece_bytes);
    }

    std::size_t piece_bytes;
    std::vector<std::byte> plain;
    std::vector<std::byte> sealed;
    std::vector<std::byte> opened;
    std::vector<format::Mac> macs;
    format::Secret key = format::random_key();
    format::Nonce nonce = format::random_nonce();
};

unsigned char* writable(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// Times `work(material, i)` over the pieces in turn. Argument: piece size in KiB.
template <typename Work>
void over_pieces(benchmark::State& state, Work work) {
    Material material(static_cast<std::size_t>(state.range(0)) << 10);
    std::size_t i = 0;
    for (auto _ : state) {
        if (!work(material, i))
            return state.SkipWithError("a piece did not open");
        i = (i + 1) % material.count();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(material.piece_bytes));
}

void open_piece(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        return format::open_piece(
            m.part(m.opened, i),
            m.part(m.sealed, i),
            m.macs[i],
            format::piece_nonce(m.nonce, i),
            m.key);
    });
}

void libsodium_open(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        const format::Nonce nonce = format::piece_nonce(m.nonce, i);
        return ::crypto_secretbox_open_detached(
                   writable(m.part(m.opened, i)),
                   raw(m.part(m.sealed, i)),
                   raw(m.macs[i]),
                   m.piece_bytes,
                   raw(nonce),
                   raw(m.key.bytes())) == 0;
    });
}

void seal_piece(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        const format::Mac mac = format::seal_piece(
            m.part(m.opened, i), m.part(m.plain, i), format::piece_nonce(m.nonce, i), m.key);
        benchmark::DoNotOptimize(mac);
        return true;
    });
}

void libsodium_poly1305(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        format::Mac mac{};
        ::crypto_onetimeauth(
            writable(mac), raw(m.part(m.sealed, i)), m.piece_bytes, raw(m.key.bytes()));
        benchmark::DoNotOptimize(mac);
        return true;
    });
}

void libsodium_xsalsa20(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        return ::crypto_stream_xsalsa20_xor(
                   writable(m.part(m.opened, i)),
                   raw(m.part(m.sealed, i)),
                   m.piece_bytes,
                   raw(m.nonce),
                   raw(m.key.bytes())) == 0;
    });
}

void arguments(benchmark::internal::Benchmark* bench) {
    bench->ArgName("KiB")->Arg(4)->Arg(64)->Arg(2048)->Arg(16384);
}

// before the first call, or libsodium takes its portable code
[[maybe_unused]] const int ready = ::sodium_init();

BENCHMARK(open_piece)->Apply(arguments);
BENCHMARK(libsodium_open)->Apply(arguments);
BENCHMARK(seal_piece)->Apply(arguments);
BENCHMARK(libsodium_poly1305)->Apply(arguments);
BENCHMARK(libsodium_xsalsa20)->Apply(arguments);

} // namespace
