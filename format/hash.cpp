#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace tz::format {

namespace {

// The copied bytes are hashed while they are still in the cache next to the core.
constexpr std::size_t copy_step_bytes = 64 << 10;

// Looking an algorithm up takes locks and microseconds, so it's done once a process.
const EVP_MD* sha256_algorithm() {
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (algorithm == nullptr)
        throw Error(
            errc::unsupported, "OpenSSL has no SHA-256", {}, "check OpenSSL's configuration");
    return algorithm;
}

void require(int openssl_result) {
    if (openssl_result != 1)
        throw Error(errc::limit, "OpenSSL failed to compute a SHA-256");
}

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

} // namespace

Crc32 crc32(std::span<const std::byte> bytes, Crc32 crc) {
    if (bytes.empty())
        return crc;
    return crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

Crc32 crc32_share(Crc32 crc, std::uint64_t bytes_after) {
    return static_cast<Crc32>(crc32_combine(crc, 0, static_cast<z_off_t>(bytes_after)));
}

Crc32 copy_crc32(std::span<std::byte> to, std::span<const std::byte> from) {
    Crc32 crc = 0;
    for (std::size_t done = 0; done < from.size(); done += copy_step_bytes) {
        const std::size_t step = std::min(copy_step_bytes, from.size() - done);
        const std::span<std::byte> copied = to.subspan(done, step);
        std::memcpy(copied.data(), from.subspan(done).data(), step);
        // of the copy, not of the source: a mapped source can change in between
        crc = crc32(copied, crc);
    }
    return crc;
}

struct Sha256Stream::State {
    std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
    if (!state_->context)
        throw Error(errc::limit, "no memory for a SHA-256");
    require(EVP_DigestInit_ex2(state_->context.get(), sha256_algorithm(), nullptr));
}

Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

Sha256 Sha256Stream::finish() {
    Sha256 digest;
    require(EVP_DigestFinal_ex(
        state_->context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
    return digest;
}

void sha256_update(std::span<const Sha256Part> parts) {
    for (const auto& part : parts)
        part.stream->update(part.bytes);
}

Sha256 sha256(std::span<const std::byte> bytes) {
    Sha256Stream stream;
    stream.update(bytes);
    return stream.finish();
}

std::string hex(std::span<const std::byte> bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

} // namespace tz::format
