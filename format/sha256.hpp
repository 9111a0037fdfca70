// SHA-256 of one stream, or of several at once, which takes a core with x86-64's SHA instructions
// half the time. OpenSSL does the work where these are missing. Thread-safe but for a Sha256Stream,
// which one thread uses at a time.
#pragma once

#include <tz/format/sha256_blocks.hpp>
#include <tz/format/tensorizer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tz::format {

/// Who does the work. They differ in speed only.
enum class Sha256Kernel {
    openssl, ///< anywhere, each stream by itself
    sha_ni,  ///< only where has_sha_ni()
};

Sha256Kernel best_sha256_kernel() noexcept;

struct Sha256Part;

/// A SHA-256 over bytes that arrive in order.
class Sha256Stream {
public:
    explicit Sha256Stream(Sha256Kernel kernel = best_sha256_kernel());
    ~Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;

    void update(std::span<const std::byte> bytes);
    /// The digest; the stream is spent.
    Sha256 finish();

private:
    friend void sha256_update(std::span<const Sha256Part> parts);

    class OpenSsl;

    Sha256Run take(std::span<const std::byte> bytes);

    std::unique_ptr<OpenSsl> openssl_;                  ///< null: the members below do the work
    std::uint64_t bytes_ = 0;                           ///< so far
    Sha256State state_;                                 ///< of the whole blocks among them
    std::array<std::byte, sha256_block_bytes> begun_{}; ///< the bytes behind those
};

Sha256 sha256(std::span<const std::byte> bytes);

/// A stream and the bytes to continue it with.
struct Sha256Part {
    Sha256Stream* stream;
    std::span<const std::byte> bytes;
};

/// Continues each stream with its bytes; no stream may occur twice. Up to three at a time run
/// interleaved on this core, which then hashes about twice as many bytes a second; as one of them
/// ends, the next part takes its place.
void sha256_update(std::span<const Sha256Part> parts);

} // namespace tz::format
