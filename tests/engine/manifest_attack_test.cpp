// What somebody without the key can do to an encrypted file, and that a manifest finds it.
#include "support/signed_file.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace tz::test {
namespace {

using format::Requirement;

constexpr std::uint64_t piece_bytes = 1024;

/// Two tensors of three sealed pieces each.
MadeFile file_with(unsigned nonce, bool derivation = false) {
    static const auto key = key_from(0);
    MakeOptions options;
    options.write = packed();
    options.write.crc32 = false;
    options.write.piece_bytes = piece_bytes;
    if (derivation)
        options.write.derivation = format::KeyDerivation{1, 8192, counting_array<16>(5)};
    options.region_bytes = 4096;
    options.key = key.get();
    options.nonce = counting_array<24>(nonce);
    return make_file({content("a", "|u1", {64, 48}), content("b", "|u1", {64, 48})}, options);
}

ManifestOptions required(std::shared_ptr<const format::Secret> key) {
    ManifestOptions options;
    options.require.kind = Requirement::Kind::file_key;
    options.waiting.key = std::move(key);
    return options;
}

void check(const Bytes& bytes, const ManifestOptions& options) {
    Engine engine;
    check_manifest(engine, {source_of(bytes)}, options);
}

/// Loads by the manifest alone, not by hashes.
void load_by_manifest(const Bytes& bytes) {
    Engine engine;
    const auto source = source_of(bytes);
    ManifestOptions options = required(key_from(0));
    options.contents = false;
    LoadOptions load_options;
    load_options.key = key_from(0);
    load_options.verify = Verify::none;
    load_options.manifests = {check_manifest(engine, {source}, options)};
    load(engine, source, load_options);
}

void load_without_manifest(const Bytes& bytes) {
    Engine engine;
    LoadOptions options;
    options.key = key_from(0);
    load(engine, source_of(bytes), options);
}

/// As the manifest is part of the file, so is it of what is attacked.
void expect_refused(const MadeFile& file, const std::function<void(Bytes&)>& attack) {
    Bytes bytes = signed_file(file.bytes, {key_from(0), 7});
    EXPECT_NO_THROW(check(bytes, required(key_from(0))));
    EXPECT_NO_THROW(load_by_manifest(bytes));
    attack(bytes);
    EXPECT_NO_THROW(load_without_manifest(bytes)) << "this is no attack";
    for (const auto& way :
         {std::function([&] { check(bytes, required(key_from(0))); }),
          std::function([&] { load_by_manifest(bytes); })}) {
        try {
            way();
            ADD_FAILURE() << "accepted";
        } catch (const Error& error) {
            EXPECT_TRUE(error.kind() == errc::auth || error.kind() == errc::integrity)
                << error.what();
        }
    }
}

void swap_bytes(Bytes& bytes, std::size_t first, std::size_t second, std::size_t count) {
    const auto begin = bytes.begin();
    std::swap_ranges(
        begin + static_cast<std::ptrdiff_t>(first),
        begin + static_cast<std::ptrdiff_t>(first + count),
        begin + static_cast<std::ptrdiff_t>(second));
}

TEST(ManifestAttack, SwappingTensorsIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        const HeaderPlaces a = header_places(file, 0);
        const HeaderPlaces b = header_places(file, 1);
        const std::size_t sealed = a.data_length - a.crypt_info;
        swap_bytes(bytes, a.hash_count, b.hash_count, a.crypt_info - a.hash_count);
        swap_bytes(bytes, a.crypt_info, b.crypt_info, sealed);
        const auto& tensors = file.layout.tensors;
        swap_bytes(bytes, tensors[0].data.offset, tensors[1].data.offset, tensors[0].data.bytes);
    });
}

TEST(ManifestAttack, RenamingTensorsIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        put_text(bytes, entry_places(file, 0).name, "b");
        put_text(bytes, header_places(file, 0).name, "b");
        put_text(bytes, entry_places(file, 1).name, "a");
        put_text(bytes, header_places(file, 1).name, "a");
    });
}

TEST(ManifestAttack, ReshapingIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        for (const std::size_t at : {entry_places(file, 0).shape, header_places(file, 0).shape}) {
            put<std::uint32_t>(bytes, at, 48);
            put<std::uint32_t>(bytes, at + 4, 64);
        }
    });
}

TEST(ManifestAttack, ChangingTheTypeIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        put_text(bytes, entry_places(file, 1).dtype, "|i1");
        put_text(bytes, header_places(file, 1).dtype, "|i1");
    });
}

TEST(ManifestAttack, DroppingATensorIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        put<std::uint64_t>(bytes, 57, 1);
        const std::size_t entry = entry_places(file, 1).name_length;
        const std::size_t end = entry_places(file, 1).data_length + 8;
        std::fill(
            bytes.begin() + static_cast<std::ptrdiff_t>(entry),
            bytes.begin() + static_cast<std::ptrdiff_t>(end),
            std::byte{});
    });
}

TEST(ManifestAttack, DroppingPiecesIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        const EntryPlaces entry = entry_places(file, 1);
        const HeaderPlaces header = header_places(file, 1);
        for (const std::size_t at : {entry.shape + 4, header.shape + 4})
            put<std::uint32_t>(bytes, at, 32);
        for (const std::size_t at : {entry.data_length, header.data_length})
            put<std::uint64_t>(bytes, at, 2 * piece_bytes);
        const auto less = [&](std::size_t at, std::uint64_t by) {
            put<std::uint64_t>(bytes, at, get<std::uint64_t>(bytes, at) - by);
        };
        less(header.crypt_info, 16);      // the block
        less(header.crypt_info + 10, 16); // its chunk
        less(header.crypt_info + 52, 1);  // the number of MACs
    });
}

TEST(ManifestAttack, SplicingFromAnotherFileOfTheKeyIsRefused) {
    const MadeFile file = file_with(0x40);
    const MadeFile other = file_with(0x90);
    expect_refused(file, [&](Bytes& bytes) {
        const format::Tensor& tensor = file.layout.tensors[1];
        const auto from = other.bytes.begin() + static_cast<std::ptrdiff_t>(tensor.header.offset);
        std::copy_n(
            from,
            tensor.header.bytes + tensor.data.bytes,
            bytes.begin() + static_cast<std::ptrdiff_t>(tensor.header.offset));
    });
}

TEST(ManifestAttack, RemovingHashesIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(
        file, [&](Bytes& bytes) { bytes[header_places(file, 0).hash_count] = std::byte{}; });
}

TEST(ManifestAttack, ChangingTheKeyDerivationIsRefused) {
    const MadeFile file = file_with(0x40, true);
    expect_refused(file, [&](Bytes& bytes) {
        const std::size_t chunk = header_places(file, 0).crypt_info + 18;
        put<std::uint64_t>(bytes, chunk + 4, 3); // passes
        put<std::uint64_t>(bytes, chunk + 12, 1 << 20);
        bytes[chunk + 26] ^= std::byte{1}; // salt
    });
}

TEST(ManifestAttack, RemovingTheManifestIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [](Bytes& bytes) { bytes = with_manifest(bytes, {}); });
}

TEST(ManifestAttack, MakingItAnewIsRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        bytes = with_manifest(bytes, {});
        put_text(bytes, entry_places(file, 1).name, "c");
        put_text(bytes, header_places(file, 1).name, "c");
        bytes = signed_file(bytes, {});
    });
    expect_refused(file, [&](Bytes& bytes) { // signed with a key of the attacker's
        bytes = with_manifest(bytes, {});
        bytes = signed_file(bytes, {key_from(9), 9});
    });
}

TEST(ManifestAttack, OldSignaturesOnANewRootAreRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        const auto old = manifest_for(with_manifest(bytes, {}), {key_from(0), 7});
        bytes = with_manifest(bytes, {});
        put_text(bytes, entry_places(file, 1).name, "c");
        put_text(bytes, header_places(file, 1).name, "c");
        format::Manifest manifest = manifest_for(bytes, {});
        manifest.signatures = old.signatures;
        bytes = with_manifest(bytes, write_manifest(manifest));
    });
}

TEST(ManifestAttack, AnotherFilesManifestIsRefused) {
    const MadeFile file = file_with(0x40);
    const MadeFile other = file_with(0x90);
    expect_refused(file, [&](Bytes& bytes) {
        bytes = with_manifest(bytes, write_manifest(manifest_for(other.bytes, {key_from(0), 7})));
    });
}

TEST(ManifestAttack, DowngradedAlgorithmsAreRefused) {
    const MadeFile file = file_with(0x40);
    const Bytes manifest = write_manifest(manifest_for(file.bytes, {key_from(0), 7}));
    const std::size_t signatures = 124 + 2 * 32;
    for (const std::size_t at : {std::size_t{10}, signatures + 2, signatures + 2 + 68})
        for (const unsigned algorithm : {0u, 3u, 255u})
            expect_refused(file, [&](Bytes& bytes) {
                Bytes changed = manifest;
                put<std::uint16_t>(changed, at, static_cast<std::uint16_t>(algorithm));
                bytes = with_manifest(bytes, changed);
            });
}

TEST(ManifestAttack, StrippedSignaturesAreRefused) {
    const MadeFile file = file_with(0x40);
    expect_refused(file, [&](Bytes& bytes) {
        bytes = with_manifest(bytes, {});
        bytes = signed_file(bytes, {nullptr, 7});
    });
}

TEST(ManifestAttack, RollbackIsRefusedBySubjectAndRoot) {
    Signing older{key_from(0), 7};
    older.content.subject = format::subject_of("model@1");
    const Bytes old = signed_file(file_with(0x40).bytes, older);
    Signing newer = older;
    newer.content.subject = format::subject_of("model@2");
    const auto current = manifest_for(file_with(0x90).bytes, newer);

    ManifestOptions options = required(key_from(0));
    EXPECT_NO_THROW(check(old, options)) << "it is rightly signed";
    options.require.subject = newer.content.subject;
    expect_error(errc::auth, "another subject", [&] { check(old, options); });
    options.require = {};
    options.require.kind = Requirement::Kind::root;
    options.require.root = current.root;
    expect_error(errc::auth, "the root of its manifest is", [&] { check(old, options); });
}

TEST(ManifestAttack, WrongAndMissingKeysAreRefused) {
    const Bytes bytes = signed_file(file_with(0x40).bytes, {key_from(0), 7});
    expect_error(errc::auth, "with another key", [&] { check(bytes, required(key_from(1))); });
    expect_error(errc::auth, "no key was given", [&] { check(bytes, required(nullptr)); });
    ManifestOptions options;
    options.require.kind = Requirement::Kind::public_key;
    options.require.public_key = signing_key_from(7).public_key();
    EXPECT_NO_THROW(check(bytes, options));
    options.require.public_key = signing_key_from(8).public_key();
    expect_error(errc::auth, "with another key", [&] { check(bytes, options); });
}

TEST(ManifestAttack, EveryFlippedByteBeforeTheDataIsRefused) {
    const MadeFile file = file_with(0x40);
    const Bytes whole =
        signed_file(file.bytes, {key_from(0)}); // nobody looks at others' signatures
    Engine engine;
    ManifestOptions options = required(key_from(0));
    const auto source = source_of(whole);
    EXPECT_NO_THROW(check_manifest(engine, {source}, options));
    const auto flip = [&](std::size_t begin, std::size_t end) {
        for (std::size_t at = begin; at < end; ++at) {
            source->content[at] ^= std::byte{4};
            EXPECT_THROW(check_manifest(engine, {source}, options), Error) << at;
            source->content[at] ^= std::byte{4};
        }
    };
    flip(0, file.layout.tensors[0].data.offset);
    flip(file.layout.tensors[1].header.offset, file.layout.tensors[1].header.end());
}

} // namespace
} // namespace tz::test
