#include "support/bytes.hpp"
#include <tz/format/manifest.hpp>

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using namespace tz::format;

// Places of fields, by docs/manifest.md.
constexpr std::size_t version_at = 8, hash_at = 10, tensors_at = 20, piece_bytes_at = 68,
                      piece_count_at = 76, header_count_at = 116, lists_at = 124;

SignatureBlock block(SignatureKind kind, unsigned key) {
    SignatureBlock made;
    made.kind = kind;
    made.key_id.fill(static_cast<std::byte>(key));
    made.signature = counting(signature_bytes(kind));
    return made;
}

/// Of a file of two tensors and three pieces.
Manifest sample() {
    Manifest manifest;
    manifest.file_bytes = (2u << 20) + 5;
    manifest.tensors = 2;
    manifest.data_bytes = 2u << 20;
    manifest.subject = counting_array<32>(7);
    manifest.piece_bytes = 1 << 20;
    manifest.root = counting_array<32>(100);
    manifest.headers = {counting_array<32>(1), counting_array<32>(2)};
    manifest.pieces = {counting_array<32>(3), counting_array<32>(4), counting_array<32>(5)};
    manifest.signatures = {
        block(SignatureKind::file_key, 1),
        block(SignatureKind::ed25519, 1),
        block(SignatureKind::ed25519, 2)};
    return manifest;
}

constexpr std::size_t signatures_at = lists_at + 5 * 32;

struct Change {
    const char* name;
    errc kind;
    const char* text;
    void (*change)(Bytes& bytes);
};

void expect_each_refused(std::initializer_list<Change> changes) {
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        Bytes bytes = write_manifest(sample());
        change.change(bytes);
        expect_file_error(change.kind, change.text, [&] { parse_manifest(bytes, 1000); });
    }
}

TEST(Manifest, IsReadAsItWasWritten) {
    const Bytes bytes = write_manifest(sample());
    const Manifest read = parse_manifest(bytes);
    EXPECT_EQ(read.file_bytes, sample().file_bytes);
    EXPECT_EQ(read.tensors, 2u);
    EXPECT_EQ(read.data_bytes, sample().data_bytes);
    EXPECT_EQ(read.subject, sample().subject);
    EXPECT_EQ(read.piece_bytes, sample().piece_bytes);
    EXPECT_EQ(read.root, sample().root);
    EXPECT_EQ(read.headers, sample().headers);
    EXPECT_EQ(read.pieces, sample().pieces);
    ASSERT_EQ(read.signatures.size(), 3u);
    EXPECT_EQ(read.signatures[2].key_id, sample().signatures[2].key_id);
    EXPECT_EQ(read.signatures[2].signature, sample().signatures[2].signature);
    EXPECT_EQ(write_manifest(read), bytes);
}

TEST(Manifest, HasASizeThatIsKnownBefore) {
    const SignatureKind kinds[] = {
        SignatureKind::file_key, SignatureKind::ed25519, SignatureKind::ed25519};
    EXPECT_EQ(manifest_bytes(2, 3, kinds), write_manifest(sample()).size());
    Manifest bare = sample();
    bare.headers = bare.pieces = {};
    bare.signatures = {};
    bare.piece_bytes = 0;
    EXPECT_EQ(manifest_bytes(0, 0, {}), write_manifest(bare).size());
    EXPECT_EQ(parse_manifest(write_manifest(bare)).root, bare.root);
}

TEST(Manifest, HasItsFieldsWhereTheDocumentSays) {
    const Bytes bytes = write_manifest(sample());
    EXPECT_EQ(slice(bytes, 0, 8), from_text("TZMANIF1"));
    EXPECT_EQ(get<std::uint16_t>(bytes, version_at), 1);
    EXPECT_EQ(get<std::uint16_t>(bytes, hash_at), 1);
    EXPECT_EQ(get<std::uint64_t>(bytes, 12), (2u << 20) + 5);
    EXPECT_EQ(get<std::uint64_t>(bytes, tensors_at), 2u);
    EXPECT_EQ(get<std::uint64_t>(bytes, 28), 2u << 20);
    EXPECT_EQ(slice(bytes, 36, 32), counting(32, 7));
    EXPECT_EQ(get<std::uint64_t>(bytes, piece_bytes_at), 1u << 20);
    EXPECT_EQ(get<std::uint64_t>(bytes, piece_count_at), 3u);
    EXPECT_EQ(slice(bytes, 84, 32), counting(32, 100));
    EXPECT_EQ(get<std::uint64_t>(bytes, header_count_at), 2u);
    EXPECT_EQ(slice(bytes, lists_at, 32), counting(32, 1));
    EXPECT_EQ(slice(bytes, lists_at + 64, 32), counting(32, 3));
    EXPECT_EQ(get<std::uint16_t>(bytes, signatures_at), 3);
    EXPECT_EQ(get<std::uint16_t>(bytes, signatures_at + 2), 1);
    EXPECT_EQ(get<std::uint16_t>(bytes, signatures_at + 4), 64);
    EXPECT_EQ(get<std::uint32_t>(bytes, bytes.size() - 12), bytes.size());
    EXPECT_EQ(slice(bytes, bytes.size() - 8, 8), from_text("TZMANIF1"));
}

TEST(Manifest, OfAnotherVersionOrAlgorithmIsAnError) {
    expect_each_refused({
        {"version 2",
         errc::unsupported,
         "version 2",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, version_at, 2); }},
        {"version 0",
         errc::unsupported,
         "version 0",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, version_at, 0); }},
        {"hash 0",
         errc::auth,
         "hash algorithm 0",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, hash_at, 0); }},
        {"signature 3",
         errc::auth,
         "signature algorithm 3",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at + 2, 3); }},
        {"signature 0",
         errc::auth,
         "signature algorithm 0",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at + 2, 0); }},
    });
}

TEST(Manifest, IsNotReadFromBytesThatAreNone) {
    expect_each_refused({
        {"magic", errc::format, "no whole manifest", [](Bytes& bytes) { put_text(bytes, 0, "t"); }},
        {"magic at the end",
         errc::format,
         "no whole manifest",
         [](Bytes& bytes) { put_text(bytes, bytes.size() - 1, "2"); }},
        {"length",
         errc::format,
         "says that it has",
         [](Bytes& bytes) { put<std::uint32_t>(bytes, bytes.size() - 12, 7); }},
        {"nothing", errc::format, "too few", [](Bytes& bytes) { bytes.clear(); }},
        {"all zeros",
         errc::format,
         "no whole manifest",
         [](Bytes& bytes) { bytes.assign(bytes.size(), std::byte{}); }},
    });
}

TEST(Manifest, CountsAreNotBelieved) {
    expect_each_refused({
        {"many pieces",
         errc::format,
         "lists 1152921504606846976 pieces",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, piece_count_at, 1ull << 60); }},
        {"many pieces of a huge file",
         errc::format,
         "don't fit",
         [](Bytes& bytes) {
             put<std::uint64_t>(bytes, 12, 1ull << 60);
             put<std::uint64_t>(bytes, piece_count_at, 1ull << 40);
         }},
        {"one piece less",
         errc::format,
         "lists 2 pieces",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, piece_count_at, 2); }},
        {"other pieces",
         errc::format,
         "pieces of 3 bytes",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, piece_bytes_at, 3); }},
        {"tiny pieces",
         errc::format,
         "pieces of 32768 bytes",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, piece_bytes_at, 32 << 10); }},
        {"no pieces",
         errc::format,
         "lists 3 pieces",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, piece_bytes_at, 0); }},
        {"one header",
         errc::format,
         "lists 1 tensor headers",
         [](Bytes& bytes) { put<std::uint64_t>(bytes, header_count_at, 1); }},
        {"many headers",
         errc::format,
         "more than a file may have",
         [](Bytes& bytes) {
             put<std::uint64_t>(bytes, tensors_at, 1ull << 60);
             put<std::uint64_t>(bytes, header_count_at, 1ull << 60);
         }},
        {"headers that don't fit",
         errc::format,
         "don't fit",
         [](Bytes& bytes) {
             put<std::uint64_t>(bytes, tensors_at, 1'000'000);
             put<std::uint64_t>(bytes, header_count_at, 1'000'000);
         }},
    });
}

TEST(Manifest, SignaturesAreInOneOrderOnly) {
    expect_each_refused({
        {"twice the same",
         errc::format,
         "not in their order",
         [](Bytes& bytes) {
             put_text(bytes, signatures_at + 2 + 68 + 4 + 100, std::string(32, '\1'));
         }},
        {"many",
         errc::format,
         "17 signatures",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at, 17); }},
        {"one more than there are",
         errc::format,
         "ends within",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at, 4); }},
        {"one fewer",
         errc::format,
         "too many",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at, 2); }},
        {"length of the other algorithm",
         errc::format,
         "not of its algorithm",
         [](Bytes& bytes) { put<std::uint16_t>(bytes, signatures_at + 4, 96); }},
    });
}

TEST(Manifest, CutAnywhereIsRefused) {
    const Bytes bytes = write_manifest(sample());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_THROW(parse_manifest(slice(bytes, 0, size)), Error) << size;
}

TEST(Manifest, LargerThanAnIndexIsNotWritten) {
    Manifest manifest = sample();
    manifest.pieces.resize(manifest_bytes_max / 32);
    expect_error(errc::limit, "the limit is", [&] { write_manifest(manifest); });
}

} // namespace
} // namespace tz::test
