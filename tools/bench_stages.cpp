// The steps of a load alone: `stage_ceilings`.
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_random.hpp>

#include <openssl/evp.h>
#include <sodium.h>

#include <array>
#include <cstring>
#include <memory>

namespace tz::bench {

namespace {

constexpr std::size_t piece_bytes = format::usual_piece_bytes;
constexpr std::size_t pieces = 32;
constexpr unsigned passes = 2;

/// Random bytes, the same sealed, and room for a copy.
struct Material {
    FreshMemory plain{pieces * piece_bytes, Pages::huge};
    FreshMemory sealed{pieces * piece_bytes, Pages::huge};
    FreshMemory copy{pieces * piece_bytes, Pages::huge};
    format::Secret key = format::random_key();
    format::Nonce nonce = format::random_nonce();
    std::vector<format::Mac> macs;

    Material() {
        fill_random(plain.bytes(), 1);
        fill_random(copy.bytes(), 2);
        for (std::size_t i = 0; i < pieces; ++i)
            macs.push_back(format::seal_piece(
                of(sealed, i), of(plain, i), format::piece_nonce(nonce, i), key));
    }

    static std::span<std::byte> of(const FreshMemory& memory, std::size_t piece) {
        return memory.bytes().subspan(piece * piece_bytes, piece_bytes);
    }
};

// What a compiler can't see through: results of hashes must not be optimised away.
volatile std::uint32_t sink;

const unsigned char* octets(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}

unsigned char* octets(std::byte* bytes) {
    return reinterpret_cast<unsigned char*>(bytes);
}

template <typename Work>
Entry stage(const char* name, const Work& work) {
    Entry entry{.role = Role::stage, .cache = Cache::none, .name = name};
    entry.run = [work] {
        const Stopwatch watch;
        for (unsigned pass = 0; pass < passes; ++pass)
            for (std::size_t piece = 0; piece < pieces; ++piece)
                work(piece);
        return watch.stop(passes * pieces * piece_bytes);
    };
    return entry;
}

} // namespace

std::vector<Entry> stage_ceilings() {
    const auto material = std::make_shared<const Material>();
    std::vector<Entry> entries;
    entries.push_back(stage("memcpy", [material](std::size_t i) {
        std::memcpy(
            Material::of(material->copy, i).data(),
            Material::of(material->plain, i).data(),
            piece_bytes);
    }));
    entries.push_back(stage(stage_crc32, [material](std::size_t i) {
        sink = format::crc32(Material::of(material->plain, i));
    }));
    entries.push_back(stage(stage_sha256, [material](std::size_t i) {
        sink = static_cast<std::uint32_t>(format::sha256(Material::of(material->plain, i))[0]);
    }));
    entries.push_back(stage(stage_open, [material](std::size_t i) {
        sink = format::open_piece(
            Material::of(material->copy, i),
            Material::of(material->sealed, i),
            material->macs[i],
            format::piece_nonce(material->nonce, i),
            material->key);
    }));
    entries.push_back(stage("SHA-256, OpenSSL alone", [material](std::size_t i) {
        const auto bytes = Material::of(material->plain, i);
        std::array<unsigned char, 32> digest{};
        EVP_Q_digest(
            nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(), nullptr);
        sink = digest[0];
    }));
    entries.push_back(stage("secretbox open, libsodium alone", [material](std::size_t i) {
        sink = crypto_secretbox_open_detached(
            octets(Material::of(material->copy, i).data()),
            octets(Material::of(material->sealed, i).data()),
            octets(material->macs[i].data()),
            piece_bytes,
            octets(format::piece_nonce(material->nonce, i).data()),
            octets(material->key.bytes().data()));
    }));
    return entries;
}

} // namespace tz::bench
