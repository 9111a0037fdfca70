#include <tz/format/error.hpp>
#include <tz/format/sha256.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>

namespace tz::format {

namespace {

// FIPS 180-4, 5.3.3
constexpr Sha256State initial_state{
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// Looking an algorithm up takes locks and microseconds, so it's done once a process.
const EVP_MD* openssl_algorithm() {
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

template <typename Unsigned>
void put_big_endian(std::byte* to, Unsigned value) {
    for (std::size_t i = sizeof value; i-- > 0; value >>= 8)
        to[i] = static_cast<std::byte>(value);
}

/// The runs that are on their way, up to as many as go together.
class Runs {
public:
    void add(const Sha256Run& run) {
        if (run.blocks.empty())
            return;
        assert(std::ranges::none_of(
            under_way(), [&](const Sha256Run& other) { return other.state == run.state; }));
        runs_[count_++] = run;
        if (count_ == runs_.size())
            advance();
    }

    void finish() {
        while (count_ > 0)
            advance();
    }

private:
    std::span<Sha256Run> under_way() { return std::span(runs_).first(count_); }

    /// Brings all as far as the shortest goes, and lets go of those that are through.
    void advance() {
        const auto length = [](const Sha256Run& run) { return run.blocks.size(); };
        const std::size_t bytes = length(std::ranges::min(under_way(), {}, length));
        sha256_blocks(under_way(), bytes / sha256_block_bytes);
        for (Sha256Run& run : under_way())
            run.blocks = run.blocks.subspan(bytes);
        const auto through = std::ranges::remove(under_way(), 0u, length);
        count_ -= through.size();
    }

    std::array<Sha256Run, sha256_runs_max> runs_{};
    std::size_t count_ = 0;
};

} // namespace

Sha256Kernel best_sha256_kernel() noexcept {
    return has_sha_ni() ? Sha256Kernel::sha_ni : Sha256Kernel::openssl;
}

class Sha256Stream::OpenSsl {
public:
    OpenSsl() {
        if (!context_)
            throw Error(errc::limit, "no memory for a SHA-256");
        require(EVP_DigestInit_ex2(context_.get(), openssl_algorithm(), nullptr));
    }

    void update(std::span<const std::byte> bytes) {
        require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
    }

    Sha256 finish() {
        Sha256 digest;
        require(EVP_DigestFinal_ex(
            context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
        return digest;
    }

private:
    std::unique_ptr<EVP_MD_CTX, FreeContext> context_{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream(Sha256Kernel kernel) : state_(initial_state) {
    assert(kernel == Sha256Kernel::openssl || has_sha_ni());
    if (kernel == Sha256Kernel::openssl)
        openssl_ = std::make_unique<OpenSsl>();
}

Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::byte> bytes) {
    const Sha256Part part{this, bytes};
    sha256_update({&part, 1});
}

/// Takes everything over but the whole blocks, which are returned for the state to be brought over.
Sha256Run Sha256Stream::take(std::span<const std::byte> bytes) {
    const std::size_t begun = bytes_ % sha256_block_bytes;
    bytes_ += bytes.size();
    if (begun > 0) {
        const auto room = std::span(begun_).subspan(begun);
        const auto filling = bytes.first(std::min(room.size(), bytes.size()));
        std::ranges::copy(filling, room.begin());
        if (filling.size() < room.size())
            return {&state_, {}};
        const Sha256Run filled{&state_, begun_};
        sha256_blocks({&filled, 1}, 1);
        bytes = bytes.subspan(filling.size());
    }
    const auto rest = bytes.last(bytes.size() % sha256_block_bytes);
    std::ranges::copy(rest, begun_.begin());
    return {&state_, bytes.first(bytes.size() - rest.size())};
}

Sha256 Sha256Stream::finish() {
    if (openssl_)
        return openssl_->finish();
    // FIPS 180-4, 5.1.1: a one bit, then zeros so that the length, in bits, ends a block
    const std::uint64_t bits = 8 * bytes_;
    std::array<std::byte, 2 * sha256_block_bytes> padding{std::byte{0x80}};
    const std::size_t begun = bytes_ % sha256_block_bytes;
    const std::size_t blocks = begun + 1 + sizeof bits <= sha256_block_bytes ? 1 : 2;
    const std::size_t length_at = blocks * sha256_block_bytes - sizeof bits - begun;
    put_big_endian(padding.data() + length_at, bits);
    update(std::span(padding).first(length_at + sizeof bits));

    Sha256 digest;
    for (std::size_t i = 0; i < state_.size(); ++i)
        put_big_endian(digest.data() + sizeof state_[i] * i, state_[i]);
    return digest;
}

Sha256 sha256(std::span<const std::byte> bytes) {
    Sha256Stream stream;
    stream.update(bytes);
    return stream.finish();
}

void sha256_update(std::span<const Sha256Part> parts) {
    Runs runs;
    for (const auto& [stream, bytes] : parts)
        if (stream->openssl_)
            stream->openssl_->update(bytes);
        else
            runs.add(stream->take(bytes));
    runs.finish();
}

} // namespace tz::format
