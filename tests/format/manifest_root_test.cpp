// Roots, against ones that tests/interop/manifest_reference.py computed.
#include "support/made_file.hpp"
#include <tz/format/file_index.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace tz::test {
namespace {

using namespace tz::format;

Bytes golden(const std::string& name) {
    std::ifstream file(std::string(TZ_GOLDEN) + "/" + name, std::ios::binary);
    return from_text(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// A file in memory, with all that its root takes.
struct Whole {
    explicit Whole(Bytes content) : bytes(std::move(content)) {
        const std::uint64_t size = file_index_bytes(
            std::span(bytes).first(std::min<std::size_t>(bytes.size(), prefix_bytes)),
            bytes.size());
        index = slice(bytes, 0, size);
        layout = parse_file_index(index, bytes.size());
        for (const Tensor& tensor : layout.tensors)
            if (layout.has_headers())
                headers.push_back(sha256(slice(bytes, tensor.header.offset, tensor.header.bytes)));
    }

    Manifest manifest(std::uint64_t piece_bytes) const {
        Manifest made = describe(layout);
        made.subject = subject_of("org/model@1");
        made.piece_bytes = piece_bytes;
        if (piece_bytes != 0) {
            EXPECT_LE(bytes.size(), piece_bytes);
            made.pieces = {sha256(bytes)};
        }
        return made;
    }

    std::string root(std::uint64_t piece_bytes) const {
        return hex(root_of(manifest(piece_bytes), view_index(index, layout), headers));
    }

    Bytes bytes;
    Bytes index;
    Layout layout;
    std::vector<Sha256> headers;
};

TEST(ManifestRoot, IsTheOneOfTheDocument) {
    const Whole plain(golden("example_plain.tensors"));
    EXPECT_EQ(plain.root(0), "802237fee89e268b93df17c92a37ad62585fee9d168d90767528a99968273442");
    EXPECT_EQ(
        plain.root(usual_manifest_piece_bytes),
        "a64744e2b30612f6fc14e7f6f9283d69e5a786231760f70b6a91fddba3f90cd0");
    const Whole sealed(golden("example_key.tensors"));
    EXPECT_EQ(sealed.root(0), "2382f145c86a88cbffd6c4f79c37909c2c38cc20ccd1f4061ac600e0ff5712e4");
    const Whole other(golden("safetensors-0.8.0_packed.safetensors"));
    EXPECT_EQ(
        other.root(usual_manifest_piece_bytes),
        "20d9c338faaf6365f846ee627c78fab55ddc59d1b9fb4665ae443401bae98343");
}

TEST(ManifestRoot, OfVersionedEntriesIsTheOneOfTheReference) {
    const Whole file(golden("pip-2.12.1_long.tensors"));
    EXPECT_EQ(file.root(0), "32a97e1fc42ab458bab3c0d2c4dd630eef81d8071e534a4bd43795ba8b7a2ea0");
}

TEST(ManifestRoot, SubjectIsTheOneOfTheDocument) {
    EXPECT_EQ(
        hex(subject_of("org/model@1")),
        "5f230fef57b95c2e054e4f67c47c9b193e33ac05ce751af1c6318852e83f409e");
}

TEST(ManifestRoot, CoversAllOfTheIndexThatIsUsed) {
    const Whole file(golden("example_key.tensors"));
    const IndexView view = view_index(file.index, file.layout);
    const Sha256 root = root_of(file.manifest(0), view, file.headers);
    for (std::size_t at = 0; at < view.unused().offset; ++at) {
        Bytes index = file.index;
        index[at] ^= std::byte{1};
        IndexView changed = view;
        changed.head = std::span(index).first(view.head.size());
        changed.entries = std::span(index).subspan(view.head.size(), view.entries.size());
        EXPECT_NE(root_of(file.manifest(0), changed, file.headers), root) << at;
    }
}

TEST(ManifestRoot, CoversHeadersPiecesAndDescription) {
    const Whole file(golden("example_plain.tensors"));
    const IndexView view = view_index(file.index, file.layout);
    std::set<Sha256> roots{root_of(file.manifest(1 << 20), view, file.headers)};
    const auto add = [&](auto change) {
        Manifest manifest = file.manifest(1 << 20);
        std::vector<Sha256> headers = file.headers;
        change(manifest, headers);
        EXPECT_TRUE(roots.insert(root_of(manifest, view, headers)).second);
    };
    add([](Manifest& manifest, auto&) { ++manifest.file_bytes; });
    add([](Manifest& manifest, auto&) { ++manifest.tensors; });
    add([](Manifest& manifest, auto&) { ++manifest.data_bytes; });
    add([](Manifest& manifest, auto&) { manifest.subject[31] ^= std::byte{1}; });
    add([](Manifest& manifest, auto&) { manifest.piece_bytes *= 2; });
    add([](Manifest& manifest, auto&) { manifest.pieces[0][0] ^= std::byte{1}; });
    add([](Manifest& manifest, auto&) { manifest.pieces.clear(); });
    add([](Manifest&, auto& headers) { headers[0][31] ^= std::byte{1}; });
}

TEST(ManifestRoot, DoesNotDependOnWhereTheManifestIs) {
    Whole file(golden("example_plain.tensors"));
    const std::string root = file.root(0);
    const Range unused = view_index(file.index, file.layout).unused();
    for (const RegionWrite& step : manifest_steps(unused, {}, write_manifest(file.manifest(0))))
        std::ranges::copy(
            step.bytes, file.bytes.begin() + static_cast<std::ptrdiff_t>(step.offset));
    EXPECT_EQ(Whole(file.bytes).root(0), root);
}

TEST(ManifestRoot, OfAnotherFileIsSeenByItsCounts) {
    const Whole file(golden("example_plain.tensors"));
    Manifest manifest = file.manifest(0);
    EXPECT_NO_THROW(check_description(manifest, file.layout));
    manifest.file_bytes += 1;
    expect_error(errc::auth, "of a file with", [&] { check_description(manifest, file.layout); });
    manifest = file.manifest(0);
    manifest.tensors = 2;
    expect_error(errc::auth, "2 tensors", [&] { check_description(manifest, file.layout); });
    manifest = file.manifest(0);
    manifest.data_bytes = 7;
    expect_error(errc::auth, "7 bytes of data", [&] { check_description(manifest, file.layout); });
}

TEST(ManifestRoot, OfSafetensorsNeedsPieces) {
    const Whole file(golden("safetensors-0.8.0_packed.safetensors"));
    expect_error(errc::integrity, "no hashes of its data", [&] {
        check_description(file.manifest(0), file.layout);
    });
    Manifest manifest = file.manifest(1 << 20);
    EXPECT_NO_THROW(check_description(manifest, file.layout));
    manifest.headers.resize(manifest.tensors);
    expect_error(errc::format, "don't have", [&] { check_description(manifest, file.layout); });
}

TEST(ManifestRoot, ThatDiffersIsAnError) {
    const Whole file(golden("example_plain.tensors"));
    const IndexView view = view_index(file.index, file.layout);
    Manifest manifest = file.manifest(0);
    manifest.root = root_of(manifest, view, file.headers);
    EXPECT_NO_THROW(check_root(manifest, view, file.headers));
    manifest.root[0] ^= std::byte{1};
    expect_error(errc::integrity, "not the one that its manifest is of", [&] {
        check_root(manifest, view, file.headers);
    });
}

} // namespace
} // namespace tz::test
