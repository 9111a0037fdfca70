// What does opening sealed data cost a core, by piece size: with each kernel of secretbox.hpp, with
// libsodium called directly, and with libsodium's cipher but OpenSSL's MAC? Also sealing, and the
// halves that they consist of, the MAC (Poly1305) and the cipher (XSalsa20), in each version.
// Pieces are drawn from memory larger than a core's caches, as in a load.
#include <tz/format/poly1305_ifma.hpp>
#include <tz/format/salsa20_avx512.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/secretbox.hpp>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace tz;
using format::secretbox::Kernel;

constexpr std::size_t material_bytes = 64 << 20;

std::vector<std::byte> random_bytes() {
    std::vector<std::byte> bytes(material_bytes);
    std::ranges::generate(
        bytes, [random = std::mt19937()]() mutable { return static_cast<std::byte>(random()); });
    return bytes;
}

/// Pieces of one size, plain and sealed.
struct Material {
    explicit Material(std::size_t piece)
        : piece_bytes(piece),
          plain(all_plain()),
          sealed(material_bytes),
          opened(material_bytes) {
        for (std::size_t i = 0; i < count(); ++i)
            macs.push_back(format::seal_piece(
                part(sealed, i), part(plain, i), format::piece_nonce(nonce, i), key));
    }

    std::size_t count() const { return material_bytes / piece_bytes; }

    std::span<std::byte> part(std::vector<std::byte>& bytes, std::size_t i) const {
        return std::span(bytes).subspan(i * piece_bytes, piece_bytes);
    }

    static std::vector<std::byte>& all_plain() {
        static std::vector<std::byte> bytes = random_bytes();
        return bytes;
    }

    std::size_t piece_bytes;
    std::vector<std::byte>& plain;
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

/// The same one again for the same size: a benchmark's function is called several times, ever
/// longer.
Material& material_of(std::size_t piece) {
    static std::unique_ptr<Material> last;
    if (!last || last->piece_bytes != piece)
        last = std::make_unique<Material>(piece);
    return *last;
}

/// Times `work(material, i)` over the pieces in turn. Argument: piece size in KiB.
template <typename Work>
void over_pieces(benchmark::State& state, Work work) {
    Material& material = material_of(static_cast<std::size_t>(state.range(0)) << 10);
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

void open_by(benchmark::State& state, Kernel kernel) {
    if (!format::secretbox::available(kernel))
        return state.SkipWithError("not on this CPU");
    over_pieces(state, [kernel](Material& m, std::size_t i) {
        return format::secretbox::open(
            kernel,
            m.part(m.opened, i),
            m.part(m.sealed, i),
            m.macs[i],
            format::piece_nonce(m.nonce, i),
            m.key.bytes().first<format::key_bytes>());
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

void openssl_mac(
    std::span<std::byte, 16> mac, std::span<const std::byte> message, const unsigned char* key) {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    EVP_MAC_CTX* const context = EVP_MAC_CTX_new(algorithm);
    std::size_t size = 0;
    EVP_MAC_init(context, key, format::key_bytes, nullptr);
    EVP_MAC_update(context, raw(message), message.size());
    EVP_MAC_final(context, writable(mac), &size, mac.size());
    EVP_MAC_CTX_free(context);
}

/// Without libsodium's MAC; the first 32 bytes are wrong, since the stream begins with the MAC's
/// key.
void libsodium_open_openssl_mac(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        const format::Nonce nonce = format::piece_nonce(m.nonce, i);
        const auto sealed = m.part(m.sealed, i);
        unsigned char mac_key[format::key_bytes];
        ::crypto_stream_xsalsa20(mac_key, sizeof(mac_key), raw(nonce), raw(m.key.bytes()));
        format::Mac mac;
        openssl_mac(mac, sealed, mac_key);
        if (::sodium_memcmp(mac.data(), m.macs[i].data(), mac.size()) != 0)
            return false;
        return ::crypto_stream_xsalsa20_xor(
                   writable(m.part(m.opened, i)),
                   raw(sealed),
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

void openssl_poly1305(benchmark::State& state) {
    over_pieces(state, [](Material& m, std::size_t i) {
        format::Mac mac{};
        openssl_mac(mac, m.part(m.sealed, i), raw(m.key.bytes()));
        benchmark::DoNotOptimize(mac);
        return true;
    });
}

void ifma_poly1305(benchmark::State& state) {
    if (!format::poly1305_ifma::available())
        return state.SkipWithError("not on this CPU");
    over_pieces(state, [](Material& m, std::size_t i) {
        const auto mac = format::poly1305_ifma::authenticate(
            m.part(m.sealed, i), m.key.bytes().first<format::key_bytes>());
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

void avx512_salsa20(benchmark::State& state) {
    if (!format::salsa20_avx512::available())
        return state.SkipWithError("not on this CPU");
    over_pieces(state, [](Material& m, std::size_t i) {
        format::salsa20_avx512::xor_stream(
            m.part(m.opened, i),
            m.part(m.sealed, i),
            m.key.bytes().first<format::key_bytes>(),
            std::span(m.nonce).last<8>(),
            1);
        return true;
    });
}

void arguments(benchmark::internal::Benchmark* bench) {
    bench->ArgName("KiB")->Arg(1)->Arg(4)->Arg(64)->Arg(2048)->Arg(16384);
}

// before the first call, or libsodium takes its portable code
[[maybe_unused]] const int ready = ::sodium_init();

BENCHMARK(open_piece)->Apply(arguments);
BENCHMARK(libsodium_open)->Apply(arguments);
BENCHMARK(libsodium_open_openssl_mac)->Apply(arguments);
BENCHMARK_CAPTURE(open_by, libsodium, Kernel::libsodium)->Apply(arguments);
BENCHMARK_CAPTURE(open_by, avx512, Kernel::avx512)->Apply(arguments);
BENCHMARK_CAPTURE(open_by, avx512_ifma, Kernel::avx512_ifma)->Apply(arguments);
BENCHMARK(seal_piece)->Apply(arguments);
BENCHMARK(libsodium_poly1305)->Apply(arguments);
BENCHMARK(openssl_poly1305)->Apply(arguments);
BENCHMARK(ifma_poly1305)->Apply(arguments);
BENCHMARK(libsodium_xsalsa20)->Apply(arguments);
BENCHMARK(avx512_salsa20)->Apply(arguments);

} // namespace
