#include <tz/format/crypt_info.hpp>
#include <tz/format/error.hpp>

#include <algorithm>
#include <string>

namespace tz::format {

namespace {

// types of chunks
constexpr std::uint16_t chunk_derivation = 1;
constexpr std::uint16_t chunk_pieces = 2;
constexpr std::uint16_t chunk_whole = 3;

constexpr std::uint16_t method_password = 1;
constexpr std::uint32_t algorithm_argon2id = 2;
constexpr std::uint64_t passes_min = 1;
constexpr std::uint64_t memory_bytes_min = 8192;
constexpr std::uint64_t derivation_chunk_bytes = 42;
constexpr std::uint64_t pieces_chunk_bytes = 42; // and the MACs
constexpr const char* newer_hint =
    "the file is damaged, or made by a newer release; update this one";

template <typename Array>
Array read_array(Cursor& in, const char* field) {
    Array array;
    const auto bytes = in.take(array.size(), field);
    std::copy(bytes.begin(), bytes.end(), array.begin());
    return array;
}

KeyDerivation read_derivation(Cursor& in) {
    const std::uint64_t at = in.at();
    const auto method = in.read<std::uint16_t>("the method of key derivation");
    if (method != method_password)
        in.fail(
            "key derivation method " + std::to_string(method) + " is not known",
            at,
            errc::unsupported,
            newer_hint);
    KeyDerivation derivation;
    derivation.passes = in.read<std::uint64_t>("the passes of key derivation");
    derivation.memory_bytes = in.read<std::uint64_t>("the memory of key derivation");
    const std::uint64_t algorithm_at = in.at();
    const auto algorithm = in.read<std::uint32_t>("the algorithm of key derivation");
    if (algorithm != algorithm_argon2id)
        in.fail(
            "key derivation algorithm " + std::to_string(algorithm) + " is not known",
            algorithm_at,
            errc::unsupported,
            newer_hint);
    const std::uint64_t salt_at = in.at();
    const auto salt_length = in.read<std::uint16_t>("the salt's length");
    if (salt_length != derivation.salt.size())
        in.fail("the salt has " + std::to_string(salt_length) + " bytes, not 16", salt_at);
    derivation.salt = read_array<decltype(derivation.salt)>(in, "the salt");
    if (derivation.passes < passes_min || derivation.memory_bytes < memory_bytes_min)
        in.fail("the cost of key derivation is below what Argon2id can do", at + 2);
    return derivation;
}

void read_pieces(Cursor& in, std::uint64_t data_bytes, Seal& seal) {
    const std::uint64_t at = in.at();
    seal.piece_bytes = in.read<std::uint64_t>("the size of encrypted pieces");
    if (!valid_piece_bytes(seal.piece_bytes))
        in.fail(
            "encrypted pieces of " + std::to_string(seal.piece_bytes) +
                " bytes: the size must be a multiple of 64 and at least 1024",
            at);
    seal.nonce = read_array<Nonce>(in, "the nonce");
    const std::uint64_t count_at = in.at();
    const auto count = in.read<std::uint64_t>("the number of MACs");
    // a single MAC is for all data, whatever the size of pieces
    const std::uint64_t expected = piece_count(data_bytes, seal.piece_bytes);
    if (count != expected && count != 1)
        in.fail(
            std::to_string(count) + " MACs for " + std::to_string(data_bytes) +
                " bytes in pieces of " + std::to_string(seal.piece_bytes) + ", which take " +
                std::to_string(expected),
            count_at);
    if (count > in.remaining() / sizeof(Mac))
        in.fail("the crypt info is too small for " + std::to_string(count) + " MACs", count_at);
    if (count == 1)
        seal.piece_bytes = std::max(seal.piece_bytes, data_bytes);
    seal.macs.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
        seal.macs.push_back(read_array<Mac>(in, "the MACs"));
}

// One chunk of the block.
void read_chunk(Cursor& block, std::uint64_t data_bytes, Seal& seal) {
    const auto length = block.read<std::uint64_t>("the length of a chunk of crypt info");
    Cursor in = block.part(length, "a chunk of crypt info");
    const std::uint64_t at = in.at();
    const auto type = in.read<std::uint16_t>("the type of a chunk of crypt info");
    switch (type) {
    case chunk_derivation:
        if (seal.derivation)
            in.fail("the crypt info tells two key derivations", at);
        seal.derivation = read_derivation(in);
        return;
    case chunk_pieces:
    case chunk_whole:
        if (!seal.macs.empty())
            in.fail("the crypt info tells two encryption methods", at);
        if (data_bytes == 0)
            in.fail("a tensor without data has a chunk for encrypted data", at);
        if (type == chunk_pieces) {
            read_pieces(in, data_bytes, seal);
        } else {
            seal.piece_bytes = data_bytes;
            seal.nonce = read_array<Nonce>(in, "the nonce");
            seal.macs = {read_array<Mac>(in, "the MAC")};
        }
        return;
    default:
        in.fail(
            "a chunk of crypt info of type " + std::to_string(type) + " is not known",
            at,
            errc::unsupported,
            newer_hint);
    }
}

} // namespace

std::uint64_t piece_count(std::uint64_t data_bytes, std::uint64_t piece_bytes) {
    return data_bytes / piece_bytes + (data_bytes % piece_bytes != 0 ? 1 : 0);
}

bool valid_piece_bytes(std::uint64_t piece_bytes) {
    return piece_bytes >= 1024 && piece_bytes % 64 == 0;
}

std::optional<Seal> parse_crypt_info(Cursor& header, std::uint64_t data_bytes) {
    const std::uint64_t at = header.at();
    const auto length = header.read<std::uint64_t>("the length of the crypt info");
    Cursor block = header.part(length, "the crypt info");
    const auto chunks = block.read<std::uint16_t>("the number of chunks of crypt info");
    Seal seal;
    for (std::uint16_t i = 0; i < chunks; ++i)
        read_chunk(block, data_bytes, seal);
    if (data_bytes == 0)
        return {};
    if (seal.macs.empty())
        header.fail(
            "the file is encrypted, but this tensor's data has no MAC",
            at,
            errc::auth,
            "the file is damaged or was tampered with; fetch it from a source you trust");
    return seal;
}

std::uint64_t crypt_info_bytes(std::uint64_t pieces, bool derivation) {
    if (pieces == 0)
        return crypt_info_bytes_min;
    return crypt_info_bytes_min + (derivation ? 8 + derivation_chunk_bytes : 0) + 8 +
           pieces_chunk_bytes + pieces * sizeof(Mac);
}

void append_crypt_info(Appender& out, const std::optional<Seal>& seal, std::uint64_t pieces) {
    const bool derivation = seal && seal->derivation;
    out.integer<std::uint64_t>(crypt_info_bytes(seal ? pieces : 0, derivation) - 8);
    out.integer<std::uint16_t>(static_cast<std::uint16_t>(seal ? 1 + (derivation ? 1 : 0) : 0));
    if (!seal)
        return;
    if (derivation) {
        out.integer<std::uint64_t>(derivation_chunk_bytes);
        out.integer<std::uint16_t>(chunk_derivation);
        out.integer<std::uint16_t>(method_password);
        out.integer<std::uint64_t>(seal->derivation->passes);
        out.integer<std::uint64_t>(seal->derivation->memory_bytes);
        out.integer<std::uint32_t>(algorithm_argon2id);
        out.integer<std::uint16_t>(static_cast<std::uint16_t>(seal->derivation->salt.size()));
        out.bytes(seal->derivation->salt);
    }
    out.integer<std::uint64_t>(pieces_chunk_bytes + pieces * sizeof(Mac));
    out.integer<std::uint16_t>(chunk_pieces);
    out.integer<std::uint64_t>(seal->piece_bytes);
    out.bytes(seal->nonce);
    out.integer<std::uint64_t>(pieces);
    for (const Mac& mac : seal->macs)
        out.bytes(mac);
    out.zeros((pieces - seal->macs.size()) * sizeof(Mac));
}

} // namespace tz::format
