#include "support/signed_file.hpp"
#include <tz/engine/piece_hashes.hpp>
#include <tz/engine/plan.hpp>
#include <tz/format/hash.hpp>
#include <tz/tests/format/support/safetensors_file.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace tz::test {
namespace {

using format::Requirement;

constexpr std::uint64_t small_pieces = format::manifest_piece_bytes_min;

MadeFile plain_file(std::uint64_t region_bytes = 4096) {
    MakeOptions options;
    options.write = packed();
    options.region_bytes = region_bytes;
    return make_file(
        {content("a", "|u1", {200'000}), content("b", "<f4", {5}), content("c", "|u1", {100'000})},
        options);
}

Signing pieces(std::uint64_t bytes = small_pieces) {
    Signing signing;
    signing.signing_key = 7;
    signing.content.piece_bytes = bytes;
    return signing;
}

ManifestOptions signed_by_seven() {
    ManifestOptions options;
    options.require.kind = Requirement::Kind::public_key;
    options.require.public_key = signing_key_from(7).public_key();
    return options;
}

std::shared_ptr<const CheckedManifest>
check(const std::shared_ptr<const Source>& source, const ManifestOptions& options) {
    Engine engine;
    return check_manifest(engine, {source}, options);
}

TEST(ManifestCheck, OfAnIntactFileSaysWhatWasChecked) {
    const MadeFile file = plain_file();
    const auto with_pieces = check(source_of(signed_file(file.bytes, pieces())), signed_by_seven());
    EXPECT_TRUE(with_pieces->pieces_checked);
    EXPECT_TRUE(with_pieces->headers_checked);
    EXPECT_FALSE(with_pieces->sidecar);
    EXPECT_EQ(with_pieces->layout, file.layout);
    const auto without = check(source_of(signed_file(file.bytes, pieces(0))), signed_by_seven());
    EXPECT_FALSE(without->pieces_checked);
    EXPECT_TRUE(without->headers_checked);
    ManifestOptions lists_only = signed_by_seven();
    lists_only.contents = false;
    EXPECT_FALSE(check(source_of(signed_file(file.bytes, pieces(0))), lists_only)->headers_checked);
}

TEST(ManifestCheck, OfAFileWithoutOneIsNullUnlessRequired) {
    const auto source = source_of(plain_file().bytes);
    EXPECT_EQ(check(source, {}), nullptr);
    expect_error(errc::auth, "has no manifest", [&] { check(source, signed_by_seven()); });
}

// The index and the headers each take less than the deadline.
TEST(ManifestCheck, HasOneDeadlineForAllItsReads) {
    const auto source = source_of(signed_file(plain_file().bytes, pieces(0)));
    source->delay = std::chrono::milliseconds(60);
    ManifestOptions options = signed_by_seven();
    options.waiting.deadline = std::chrono::milliseconds(100);
    expect_error(errc::deadline, "in time", [&] { check(source, options); });
}

TEST(ManifestCheck, FindsAFlippedByteInAnyPiece) {
    const MadeFile file = plain_file();
    const auto source = source_of(signed_file(file.bytes, pieces()));
    for (std::uint64_t at = file.layout.index_bytes; at < source->content.size(); at += 7919) {
        source->content[at] ^= std::byte{1};
        try {
            check(source, signed_by_seven());
            ADD_FAILURE() << at;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), errc::integrity);
            EXPECT_EQ(error.offset(), at / small_pieces * small_pieces) << error.what();
            EXPECT_EQ(error.source(), "memory");
        }
        source->content[at] ^= std::byte{1};
    }
}

TEST(ManifestCheck, PiecesAreHashesOfTheFileWithoutItsManifest) {
    const MadeFile file = plain_file(300'000); // the unused bytes begin in one piece and end later
    const auto manifest = manifest_for(signed_file(file.bytes, pieces()), pieces());
    ASSERT_EQ(manifest.pieces.size(), (file.bytes.size() + small_pieces - 1) / small_pieces);
    for (std::size_t i = 0; i < manifest.pieces.size(); ++i) {
        const auto piece = std::span(file.bytes).subspan(i * small_pieces);
        EXPECT_EQ(
            manifest.pieces[i],
            format::sha256(piece.first(std::min<std::size_t>(piece.size(), small_pieces))));
    }
}

TEST(ManifestCheck, PiecesLargerThanAChunkAreReadInSteps) {
    EngineOptions options;
    options.chunk_bytes = 64 << 10;
    Engine engine(options);
    const Bytes bytes = random_bytes(1'000'000, 3);
    for (const Route route : {Route::buffered, Route::direct}) {
        const auto source = source_of(bytes);
        source->route = route;
        const auto digests = hash_pieces(engine, source, {256 << 10, {100'000, 300'000}, {}});
        Bytes blanked = bytes;
        std::fill_n(blanked.begin() + 100'000, 300'000, std::byte{});
        ASSERT_EQ(digests.size(), 4u);
        for (std::size_t i = 0; i < 4; ++i)
            EXPECT_EQ(
                digests[i],
                format::sha256(slice(
                    blanked, i << 18, std::min<std::size_t>(1 << 18, bytes.size() - (i << 18)))));
    }
}

/// Says that it is large, and can't be read.
class UnreadSource final : public Source {
public:
    explicit UnreadSource(std::uint64_t bytes) : Source("unread", bytes) {}

    std::unique_ptr<Reader> reader(Loop&, ReadCounters&) const override {
        throw Error(errc::io, "it is read");
    }
};

TEST(ManifestCheck, MorePiecesThanCanBeHashedAreRefusedBeforeAnyIsRead) {
    const auto source = std::make_shared<UnreadSource>(chunks_max * small_pieces + 1);
    Engine engine;
    expect_error(errc::limit, "unread: more pieces than can be hashed", [&] {
        hash_pieces(engine, source, {small_pieces, {}, {}});
    });
}

TEST(ManifestCheck, AStopEndsIt) {
    std::stop_source stop;
    const auto source = source_of(Bytes(10 << 20));
    source->before_read = [&](std::uint64_t number) {
        if (number == 3)
            stop.request_stop();
    };
    source->delay = std::chrono::milliseconds(1);
    LoadOptions waiting;
    waiting.stop = stop.get_token();
    EngineOptions options;
    options.concurrency = 1;
    options.chunk_bytes = 64 << 10;
    Engine engine(options);
    expect_error(errc::cancelled, "cancelled", [&] {
        hash_pieces(engine, source, {small_pieces, {}, {}}, waiting);
    });
}

TEST(ManifestCheck, AFailingReadEndsIt) {
    const auto source = source_of(Bytes(1 << 20));
    source->before_read = [](std::uint64_t number) {
        if (number == 5)
            throw Error(errc::io, "broken");
    };
    Engine engine;
    expect_error(
        errc::io, "memory: broken", [&] { hash_pieces(engine, source, {small_pieces, {}, {}}); });
}

TEST(ManifestCheck, OfAFileThatChangedMeanwhileFails) {
    const auto source = source_of(signed_file(plain_file().bytes, pieces()));
    source->changed = true;
    expect_error(errc::object_changed, "changed", [&] { check(source, signed_by_seven()); });
}

TEST(ManifestCheck, HeadersNeedNotBeListed) {
    const MadeFile file = plain_file();
    Signing signing = pieces(0);
    signing.content.headers = false;
    const auto source = source_of(signed_file(file.bytes, signing));
    const auto checked = check(source, signed_by_seven());
    EXPECT_TRUE(checked->manifest.headers.empty());
    EXPECT_EQ(checked->headers.size(), 3u);
    source->content[header_places(file, 2).first_hash + 5] ^= std::byte{1};
    expect_error(errc::integrity, "not the one that its manifest is of", [&] {
        check(source, signed_by_seven());
    });
}

TEST(ManifestCheck, AChangedHeaderIsNamedWhereTheyAreListed) {
    const MadeFile file = plain_file();
    const auto source = source_of(signed_file(file.bytes, pieces(0)));
    source->content[header_places(file, 2).first_hash + 5] ^= std::byte{1};
    expect_error(
        errc::integrity, "the header of tensor 'c'", [&] { check(source, signed_by_seven()); });
}

TEST(ManifestCheck, TakesASidecar) {
    const MadeFile file = plain_file();
    const Bytes sidecar = write_manifest(manifest_for(file.bytes, pieces()));
    Engine engine;
    ManifestPlaces places{source_of(file.bytes), source_of(sidecar)};
    EXPECT_TRUE(check_manifest(engine, places, signed_by_seven())->sidecar);

    Signing other;
    places.file = source_of(signed_file(file.bytes, other)); // inside, and not signed
    expect_error(errc::auth, "no Ed25519 signature", [&] {
        check_manifest(engine, places, signed_by_seven());
    });
    places.sidecar_first = true;
    EXPECT_TRUE(check_manifest(engine, places, signed_by_seven())->sidecar);

    places.sidecar = source_of(file.bytes);
    expect_error(errc::format, "no whole manifest", [&] {
        check_manifest(engine, places, signed_by_seven());
    });
}

TEST(ManifestCheck, ASidecarThatIsNotThereIsNone) {
    const auto sidecar = source_of(Bytes(100)); // a server tells so when it is first asked
    Engine engine;
    const ManifestPlaces places{source_of(plain_file().bytes), sidecar};
    sidecar->before_read = [](std::uint64_t) { throw Error(errc::not_found, "gone"); };
    EXPECT_EQ(check_manifest(engine, places, {}), nullptr);
    expect_error(
        errc::auth, "has no manifest", [&] { check_manifest(engine, places, signed_by_seven()); });
}

TEST(ManifestCheck, ASidecarThatCantBeReadIsAnError) {
    const auto sidecar = source_of(Bytes(100));
    Engine engine;
    const ManifestPlaces places{source_of(plain_file().bytes), sidecar};
    sidecar->before_read = [](std::uint64_t) { throw Error(errc::denied, "not for you"); };
    expect_error(errc::denied, "memory: not for you", [&] { check_manifest(engine, places, {}); });
}

TEST(ManifestCheck, APasswordIsNoKeyOfAFileThatHasARawOne) {
    const auto key = key_from(0);
    MakeOptions options;
    options.write = packed();
    options.region_bytes = 4096;
    options.key = key.get();
    const Bytes file = make_file({content("a", "|u1", {1000})}, options).bytes;
    ManifestOptions required;
    required.require.kind = Requirement::Kind::file_key;
    required.waiting.password = key_from(3);
    const auto source = source_of(signed_file(file, {.file_key = key}));
    expect_error(errc::auth, "memory: a password is given but the file was not", [&] {
        check(source, required);
    });
    required.waiting.password.reset();
    required.waiting.key = key;
    EXPECT_NE(check(source, required), nullptr);
}

TEST(ManifestCheck, APasswordsKeyCostsAtMostWhatTheOptionsSay) {
    MakeOptions options;
    options.write = packed();
    options.write.derivation = format::KeyDerivation{1, 8192, counting_array<16>()};
    options.region_bytes = 4096;
    const auto password = key_from(3);
    const auto key = std::make_shared<const format::Secret>(
        format::derive_key(*password, *options.write.derivation));
    options.key = key.get();
    const Bytes file = make_file({content("a", "|u1", {1000})}, options).bytes;
    ManifestOptions required;
    required.require.kind = Requirement::Kind::file_key;
    required.waiting.password = password;
    const auto source = source_of(signed_file(file, {.file_key = key}));
    EXPECT_NE(check(source, required), nullptr);
    required.waiting.derivation_max.passes = 0;
    expect_error(errc::limit, "1 passes, the limit is 0", [&] { check(source, required); });
}

Bytes model() {
    return safetensors_file(
        '{' + safetensors_entry("w", "U8", "[100000]", 0, 100'000) + '}', 100'000);
}

TEST(ManifestCheck, LeavesContentsToALoadWhereTheyAreNotAskedFor) {
    const Bytes sidecar = write_manifest(manifest_for(model(), pieces()));
    const auto source = source_of(model());
    ManifestOptions options = signed_by_seven();
    Engine engine;
    EXPECT_TRUE(check_manifest(engine, {source, source_of(sidecar)}, options)->pieces_checked);
    source->content.back() ^= std::byte{1};
    expect_error(errc::integrity, "SHA-256 of piece 1", [&] {
        check_manifest(engine, {source, source_of(sidecar)}, options);
    });
    options.contents = false;
    EXPECT_FALSE(check_manifest(engine, {source, source_of(sidecar)}, options)->pieces_checked);
}

} // namespace
} // namespace tz::test
