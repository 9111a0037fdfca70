// Loads by a manifest: what changed since it was made is found while it arrives.
#include "support/signed_file.hpp"
#include <tz/engine/loop.hpp>
#include <tz/engine/sink.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/format/support/safetensors_file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tz::test {
namespace {

constexpr std::uint64_t piece_bytes = 256 << 10;

/// Tensors across pieces and within one, headers across chunks; 4.2 MB.
MadeFile plain_file(bool sha256 = true) {
    MakeOptions options;
    options.write = packed();
    options.write.sha256 = sha256;
    options.region_bytes = 300'000; // its unused bytes end in the second piece
    std::vector<Content> contents;
    for (unsigned i = 0; i < 40; ++i)
        contents.push_back(content("small." + std::to_string(i), "|u1", {i * 1237}));
    contents.push_back(content("large", "<f4", {1500, 400}));
    contents.push_back(content("nothing", "<f4", {0, 7}));
    contents.push_back(content("last", "|u1", {500'000}));
    return make_file(contents, options);
}

/// As many tensors without headers of their own.
Bytes safetensors_model() {
    std::string header;
    std::uint64_t at = 0;
    const auto add = [&](const std::string& name, std::uint64_t bytes) {
        const std::string shape = '[' + std::to_string(bytes) + ']';
        header += header.empty() ? '{' : ',';
        header += safetensors_entry(name, "U8", shape, at, at + bytes);
        at += bytes;
    };
    for (unsigned i = 0; i < 30; ++i)
        add("small." + std::to_string(i), i * 911);
    add("large", 2'000'000);
    add("nothing", 0);
    add("last", 700'001);
    return safetensors_file(header + '}', at);
}

/// How a file is loaded, in all the ways that take its bytes elsewhere.
struct Way {
    Memory memory = Memory::owned;
    Route route = Route::buffered;
    unsigned concurrency = 0;
    std::size_t chunk_bytes = 64 << 10;
    bool digests = false;
};

const std::vector<Way> ways = {
    {},
    {.route = Route::direct},
    {.concurrency = 1},
    {.memory = Memory::none, .digests = true},
    {.chunk_bytes = 100'000, .digests = true},
    {.route = Route::direct, .chunk_bytes = 4 << 20},
    {.memory = Memory::given},
};

EngineOptions engine_options(const Way& way) {
    EngineOptions options;
    options.concurrency = way.concurrency;
    options.chunk_bytes = way.chunk_bytes;
    return options;
}

/// A file, and what its manifest says of it.
struct Signed {
    explicit Signed(const Bytes& bytes, std::uint64_t pieces = piece_bytes)
        : source(source_of(bytes)) {
        Signing signing;
        signing.signing_key = 7;
        signing.content.piece_bytes = pieces;
        const bool inside = std::to_integer<char>(bytes[0]) == '|';
        const Bytes manifest = write_manifest(manifest_for(bytes, signing));
        if (inside)
            source->content = with_manifest(bytes, manifest);
        ManifestOptions options;
        options.require.kind = format::Requirement::Kind::public_key;
        options.require.public_key = signing_key_from(7).public_key();
        options.contents = false;
        Engine engine;
        ManifestPlaces places{source};
        if (!inside)
            places.sidecar = source_of(manifest);
        checked = check_manifest(engine, places, options);
    }

    Loaded load(const Way& way, LoadOptions options = {}) const {
        source->route = way.route;
        options.memory = way.memory;
        options.digests = way.digests;
        options.manifests = {checked};
        std::map<std::string, Bytes> given;
        if (way.memory == Memory::given)
            options.destination = [&](std::size_t, const format::Tensor& tensor) {
                Bytes& bytes = given[tensor.name];
                bytes.resize(tensor.bytes);
                return std::span(bytes);
            };
        Engine engine(engine_options(way));
        Loaded loaded = tz::load(engine, source, options);
        for (const auto& tensor : loaded.layout.tensors) { // whose memory ends here
            if (way.memory == Memory::given)
                expect_same(tensor, given[tensor.name]);
        }
        return loaded;
    }

    /// That `bytes` are the tensor's in the file.
    void expect_same(const format::Tensor& tensor, std::span<const std::byte> bytes) const {
        const auto there =
            std::span(source->content).subspan(tensor.data.offset, tensor.data.bytes);
        EXPECT_TRUE(std::ranges::equal(there, bytes)) << tensor.name;
    }

    std::shared_ptr<MemorySource> source;
    std::shared_ptr<const CheckedManifest> checked;
};

struct ManifestPieces : testing::TestWithParam<bool> {
    Bytes file = GetParam() ? safetensors_model() : plain_file(false).bytes;
    Signed model{file};
    std::uint64_t data = model.checked->layout.tensors.front().data.offset;
};

INSTANTIATE_TEST_SUITE_P(
    Files, ManifestPieces, testing::Bool(), [](const testing::TestParamInfo<bool>& info) {
        return info.param ? "Safetensors" : "Tensors";
    });

TEST_P(ManifestPieces, OfAnIntactFileBringTheRightBytes) {
    for (const Way& way : ways) {
        const Loaded loaded = model.load(way);
        for (std::size_t i = 0; i < loaded.layout.tensors.size(); ++i) {
            const auto& tensor = loaded.layout.tensors[i];
            if (way.memory == Memory::owned)
                model.expect_same(tensor, loaded.tensors[i]);
            if (way.digests) {
                const auto there =
                    std::span(model.source->content).subspan(tensor.data.offset, tensor.data.bytes);
                EXPECT_EQ(loaded.digests[i], format::sha256(there)) << tensor.name;
            }
        }
    }
}

TEST_P(ManifestPieces, FindAFlippedByteAnywhereInTheData) {
    LoadOptions options;
    options.verify = Verify::none;
    std::size_t flips = 0;
    for (std::uint64_t at = data; at < file.size(); at += 39'119, ++flips) {
        model.source->content[at] ^= std::byte{1};
        try {
            model.load(ways[flips % ways.size()], options);
            ADD_FAILURE() << at;
        } catch (const Error& error) {
            const bool header = error.kind() == errc::format; // is parsed first
            EXPECT_TRUE(header || error.kind() == errc::integrity) << error.what();
            EXPECT_EQ(error.source(), "memory");
        }
        model.source->content[at] ^= std::byte{1};
    }
    EXPECT_GT(flips, 50u);
    EXPECT_NO_THROW(model.load({}));
}

TEST_P(ManifestPieces, AreHashesForWhoAsksForSome) {
    for (const Verify verify : {Verify::all, Verify::automatic, Verify::none}) {
        LoadOptions options;
        options.verify = verify;
        EXPECT_NO_THROW(model.load({}, options));
    }
}

TEST_P(ManifestPieces, NameThePieceThatIsDamaged) {
    const std::uint64_t at = file.size() - 100'000;
    model.source->content[at] ^= std::byte{1};
    LoadOptions options;
    options.verify = Verify::none;
    try {
        model.load({}, options);
        ADD_FAILURE();
    } catch (const Error& error) {
        const std::string piece = std::to_string(at / piece_bytes);
        EXPECT_NE(std::string(error.what()).find("piece " + piece + " of"), std::string::npos);
        EXPECT_EQ(error.offset(), at / piece_bytes * piece_bytes);
    }
}

TEST_P(ManifestPieces, AreReadWhereSomethingIsWanted) {
    LoadOptions some;
    some.verify = Verify::none;
    some.selection.include = {"last"};
    for (const Way& way : ways)
        EXPECT_EQ(model.load(way, some).layout.tensors.size(), 1u);
    model.source->content[data] ^= std::byte{1}; // in another piece
    EXPECT_NO_THROW(model.load({}, some));
    // in the same piece, of another tensor
    const auto& last = model.checked->layout.tensors.back();
    model.source->content[last.data.offset / piece_bytes * piece_bytes] ^= std::byte{1};
    expect_error(
        errc::integrity, "not the one that the manifest lists", [&] { model.load({}, some); });
}

TEST_P(ManifestPieces, CoverSlices) {
    LoadOptions slice;
    slice.verify = Verify::none;
    slice.selection.slices = {{.name = "last", .dimension = 0, .begin = 10, .end = 20}};
    const Loaded loaded = model.load({}, slice);
    const auto& last = model.checked->layout.tensors.back();
    const auto there = std::span(model.source->content).subspan(last.data.offset + 10, 10);
    EXPECT_TRUE(std::ranges::equal(loaded.tensors.back(), there));
    model.source->content[last.data.offset] ^= std::byte{1};
    expect_error(
        errc::integrity, "not the one that the manifest lists", [&] { model.load({}, slice); });
}

TEST_P(ManifestPieces, AreCheckedBeforeATensorIsDelivered) {
    const auto& last = model.checked->layout.tensors.back();
    model.source->content[last.data.end() - 1] ^= std::byte{1};
    LoadOptions options;
    options.verify = Verify::none;
    std::vector<std::string> delivered;
    options.deliver = [&](const Delivered& tensor) { delivered.push_back(tensor.tensor.name); };
    EXPECT_THROW(model.load({.concurrency = 1}, options), Error);
    EXPECT_FALSE(std::ranges::count(delivered, last.name));
}

TEST_P(ManifestPieces, ComeInFileOrderWhateverOrderIsWanted) {
    LoadOptions options;
    options.selection.order = {"last", "large"};
    std::vector<std::string> delivered;
    options.deliver = [&](const Delivered& tensor) { delivered.push_back(tensor.tensor.name); };
    for (const Way& way : {Way{}, Way{.concurrency = 1}, Way{.digests = true}}) {
        delivered.clear();
        model.load(way, options);
        ASSERT_EQ(delivered.size(), model.checked->layout.tensors.size());
        EXPECT_EQ(delivered[0], "last");
        EXPECT_EQ(delivered[1], "large");
    }
}

TEST_P(ManifestPieces, OfAMappedFileAreThoseOfItsPages) {
    const TempFolder folder;
    const std::string path = folder / "model";
    write_file(path, model.source->content);
    LoadOptions options;
    options.memory = Memory::mapped;
    options.manifests = {model.checked};
    Engine engine;
    const Loaded loaded = load(engine, open_file(path), options);
    for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
        model.expect_same(loaded.layout.tensors[i], loaded.tensors[i]);
    model.source->content[data + 300'000] ^= std::byte{1};
    const std::string damaged = folder / "damaged";
    write_file(damaged, model.source->content);
    expect_error(errc::integrity, "not the one that the manifest lists", [&] {
        load(engine, open_file(damaged), options);
    });
}

/// Keeps what it is given.
class KeepingSink final : public Sink {
public:
    explicit KeepingSink(bool from_data) : from_data_(from_data) {}

    std::map<std::uint32_t, Bytes> tensors;
    std::vector<std::uint32_t> complete_items;

    bool cuts_from_data() const override { return from_data_; }

    void begin(std::span<const Item> items, std::uint64_t) override {
        for (std::uint32_t i = 0; i < items.size(); ++i)
            tensors[i].resize(items[i].bytes);
    }

    awaitable<void> put(Loop&, std::span<const Part> parts) override {
        const std::lock_guard lock(mutex_);
        for (const Part& part : parts) {
            std::ranges::copy(
                part.bytes, tensors[part.item].begin() + static_cast<std::ptrdiff_t>(part.offset));
            std::ranges::fill(part.bytes, std::byte{0xee}); // which it may
        }
        co_return;
    }

    awaitable<void> complete(Loop&, std::span<const std::uint32_t> items) override {
        const std::lock_guard lock(mutex_);
        complete_items.insert(complete_items.end(), items.begin(), items.end());
        co_return;
    }

private:
    bool from_data_;
    std::mutex mutex_;
};

TEST_P(ManifestPieces, AreCheckedForASink) {
    LoadOptions options;
    KeepingSink sink(false);
    options.sink = &sink;
    model.load({.memory = Memory::none}, options);
    const auto& tensors = model.checked->layout.tensors;
    EXPECT_EQ(sink.complete_items.size(), tensors.size());
    for (std::uint32_t i = 0; i < tensors.size(); ++i)
        model.expect_same(tensors[i], sink.tensors[i]);

    model.source->content[tensors.back().data.end() - 1] ^= std::byte{1};
    KeepingSink other(false);
    options.sink = &other;
    options.verify = Verify::none;
    EXPECT_THROW(model.load({.memory = Memory::none}, options), Error);
    EXPECT_FALSE(std::ranges::count(other.complete_items, tensors.size() - 1));
}

TEST_P(ManifestPieces, MustBeCheckedBeforeASinkThatCutsOtherwise) {
    LoadOptions options;
    KeepingSink sink(true);
    options.sink = &sink;
    expect_error(
        errc::usage, "check them first", [&] { model.load({.memory = Memory::none}, options); });
}

struct ManifestLoad : testing::Test {
    MadeFile file = plain_file();
    Signed model{file.bytes, 0}; // no pieces
};

TEST_F(ManifestLoad, OfAnIntactFileSucceeds) {
    EXPECT_NO_THROW(model.load({}));
    LoadOptions some;
    some.selection.include = {"small.3"};
    EXPECT_NO_THROW(model.load({}, some));
}

TEST_F(ManifestLoad, SeesAnIndexThatChangedSinceTheCheck) {
    put_text(model.source->content, entry_places(file, 40).dtype, "<i4");
    expect_error(errc::integrity, "the index is not the one", [&] { model.load({}); });
}

TEST_F(ManifestLoad, SeesAHeaderThatChangedSinceTheCheck) {
    model.source->content[header_places(file, 1).module_index] = std::byte{1};
    expect_error(
        errc::integrity, "the header of tensor 'small.1' is not the one", [&] { model.load({}); });
}

TEST_F(ManifestLoad, ChecksPlainDataWhateverVerifySays) {
    LoadOptions options;
    options.verify = Verify::none;
    model.source->content[file.layout.tensors.back().data.end() - 1] ^= std::byte{1};
    expect_error(errc::integrity, "SHA-256 of tensor 'last'", [&] { model.load({}, options); });
}

TEST_F(ManifestLoad, OfDataThatNothingBindsIsAnError) {
    const Signed other(plain_file(false).bytes, 0);
    expect_error(errc::integrity, "has no SHA-256", [&] { other.load({}); });
}

TEST_F(ManifestLoad, OfASliceOfPlainDataNeedsPieces) {
    LoadOptions options;
    options.verify = Verify::none;
    options.selection.slices = {{.name = "last", .dimension = 0, .begin = 0, .end = 10}};
    expect_error(errc::usage, "can't check this data", [&] { model.load({}, options); });
}

} // namespace
} // namespace tz::test
