// Parts of files: what is handed out, and that no more is read than that takes.
#include <tz/engine/load.hpp>
#include <tz/engine/ring.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace tz {
namespace {

/// uint8 tensors of two and more dimensions.
struct Shaped {
    explicit Shaped(const std::vector<std::vector<std::uint64_t>>& shapes) {
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            const std::size_t size = std::accumulate(
                shapes[i].begin(), shapes[i].end(), std::size_t{1}, std::multiplies<>());
            data.push_back(test::random_bytes(size, i + 1));
            TensorView view;
            view.spec.name = "t" + std::to_string(i);
            view.spec.dtype_code = "|u1";
            view.spec.shape = shapes[i];
            view.spec.bytes = size;
            view.data = data.back();
            views.push_back(std::move(view));
        }
    }

    std::vector<std::byte> cut(const Slice& slice) const {
        const std::size_t index = std::stoul(slice.name.substr(1));
        const auto& shape = views[index].spec.shape;
        std::size_t inner = 1;
        for (std::size_t i = slice.dimension + 1; i < shape.size(); ++i)
            inner *= shape[i];
        std::vector<std::byte> bytes;
        for (std::size_t at = 0; at < data[index].size(); at += inner) {
            const std::uint64_t position = at / inner % shape[slice.dimension];
            if (position >= slice.begin && position < slice.end)
                bytes.insert(
                    bytes.end(),
                    data[index].begin() + static_cast<std::ptrdiff_t>(at),
                    data[index].begin() + static_cast<std::ptrdiff_t>(at + inner));
        }
        return bytes;
    }

    std::vector<std::vector<std::byte>> data;
    std::vector<TensorView> views;
};

struct Way {
    const char* name;
    Io io;
    Direct direct;
    std::size_t chunk_bytes;
    std::uint64_t piece_bytes; ///< 0: plain
    Memory memory;
};

class Slices : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        const Way& way = GetParam();
        if (way.io == Io::uring && !ring_facts().usable)
            GTEST_SKIP() << ring_facts().reason;
        SaveOptions saving;
        if (way.piece_bytes > 0) {
            saving.key = options_.key = test::sample_key();
            saving.piece_bytes = way.piece_bytes;
        }
        save(folder_ / "file", sample_.views, saving);
        EngineOptions options;
        options.io = way.io;
        options.chunk_bytes = way.chunk_bytes;
        options.workers = 2;
        engine_ = std::make_unique<Engine>(options);
        options_.memory = way.memory;
        if (way.memory == Memory::given)
            options_.destination = [this](std::size_t, const format::Tensor& tensor) {
                given_.push_back(std::make_unique<std::vector<std::byte>>(tensor.bytes));
                return std::span(*given_.back());
            };
    }

    Loaded load_slice(const Slice& slice) {
        options_.selection.names = {slice.name};
        options_.selection.slices = {slice};
        return load(*engine_, open_file(folder_ / "file", GetParam().direct), options_);
    }

    void expect_slice(const Slice& slice) {
        SCOPED_TRACE(
            slice.name + " dimension " + std::to_string(slice.dimension) + ": " +
            std::to_string(slice.begin) + " to " + std::to_string(slice.end));
        const Loaded loaded = load_slice(slice);
        const auto expected = sample_.cut(slice);
        ASSERT_EQ(loaded.tensors.size(), 1u);
        EXPECT_EQ(loaded.layout.tensors[0].shape[slice.dimension], slice.end - slice.begin);
        EXPECT_EQ(loaded.layout.tensors[0].bytes, expected.size());
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], expected));
        EXPECT_EQ(loaded.stats.bytes, expected.size());
    }

    test::TempFolder folder_;
    Shaped sample_{{{1000, 3000}, {7}, {50, 40, 30}, {24, 400'000}, {100, 64}}};
    std::unique_ptr<Engine> engine_;
    LoadOptions options_;
    std::vector<std::unique_ptr<std::vector<std::byte>>> given_;
};

TEST_P(Slices, OfEachDimensionHoldTheRightBytes) {
    expect_slice({"t0", 0, 100, 200});
    expect_slice({"t0", 1, 1000, 1500});
    expect_slice({"t0", 0, 0, 1000});
    expect_slice({"t1", 0, 2, 5});
    expect_slice({"t2", 0, 49, 50});
    expect_slice({"t2", 1, 0, 3});
    expect_slice({"t2", 2, 29, 30});
    expect_slice({"t3", 1, 123'456, 123'999});
    expect_slice({"t3", 0, 3, 23});
    expect_slice({"t4", 0, 5, 5});
}

TEST_P(Slices, AtRandomHoldTheRightBytes) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int i = 0; i < 15; ++i) {
        const std::size_t tensor = random() % sample_.views.size();
        const auto& shape = sample_.views[tensor].spec.shape;
        const std::size_t dimension = random() % shape.size();
        const std::uint64_t begin = random() % shape[dimension];
        const std::uint64_t end = begin + random() % (shape[dimension] - begin) + 1;
        expect_slice({"t" + std::to_string(tensor), dimension, begin, end});
    }
}

TEST_P(Slices, ReadNoMoreThanTheyNeed) {
    const Loaded loaded = load_slice({"t0", 0, 500, 600});
    const std::uint64_t wanted = 100 * 3000;
    const std::uint64_t piece = GetParam().piece_bytes;
    const std::uint64_t pieces = piece == 0 ? wanted : std::min(wanted + 2 * piece, 3'000'000ul);
    const std::uint64_t index = 73 + 262144;
    // the index, headers and what alignment adds
    EXPECT_LE(loaded.stats.read_bytes, pieces + index + (32 << 10));
}

TEST_P(Slices, AreCheckedWhenTheyAreReadWhole) {
    options_.verify = Verify::sha256;
    options_.selection.read_whole_for_hashes = true;
    expect_slice({"t0", 1, 10, 20});
    expect_slice({"t3", 0, 10, 20});

    options_.selection.read_whole_for_hashes = false;
    const auto error = test::error_of([&] { load_slice({"t0", 1, 10, 20}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

INSTANTIATE_TEST_SUITE_P(
    Load,
    Slices,
    testing::Values(
        Way{"Plain", Io::uring, Direct::off, 0, 0, Memory::owned},
        Way{"PlainDirect", Io::uring, Direct::on, 0, 0, Memory::owned},
        Way{"PlainSmallChunks", Io::threads, Direct::off, 64 << 10, 0, Memory::owned},
        Way{"PlainMapped", Io::uring, Direct::off, 256 << 10, 0, Memory::mapped},
        Way{"PlainGivenDirect", Io::uring, Direct::on, 256 << 10, 0, Memory::given},
        Way{"Sealed", Io::uring, Direct::automatic, 0, 2 << 20, Memory::owned},
        Way{"SealedSmallPieces", Io::uring, Direct::on, 256 << 10, 4096, Memory::owned},
        Way{"SealedOddPieces", Io::threads, Direct::off, 256 << 10, 30'016, Memory::owned},
        Way{"SealedGiven", Io::uring, Direct::off, 256 << 10, 30'016, Memory::given},
        Way{"SealedOnePiece", Io::uring, Direct::off, 0, 1 << 30, Memory::owned}),
    [](const auto& info) { return std::string(info.param.name); });

// Each of these hung or lied before.

TEST_P(Slices, HaveTheDigestOfTheWholeTensorThoughNothingIsVerified) {
    options_.verify = Verify::none;
    options_.digests = true;
    options_.selection.read_whole_for_hashes = true;
    options_.deadline = std::chrono::seconds(60);
    const Loaded loaded = load_slice({"t0", 0, 10, 20});
    EXPECT_EQ(loaded.digests.at(0), format::sha256(sample_.data[0]));
}

TEST(SealedSlices, ThatShareAChunkNeedNoMemoryBesideIt) {
    const Shaped sample({{1000, 1000}, {1000, 1000}, {1000, 1000}});
    test::TempFolder folder;
    SaveOptions saving;
    saving.key = test::sample_key();
    saving.piece_bytes = 1 << 30; // each tensor is one piece
    save(folder / "file", sample.views, saving);
    EngineOptions small;
    small.memory_limit = 10 << 20;
    Engine engine(small);
    LoadOptions options;
    options.key = test::sample_key();
    options.deadline = std::chrono::seconds(60);
    for (const char* name : {"t0", "t1", "t2"})
        options.selection.slices.push_back({name, 1, 10, 30});
    const Loaded loaded = load(engine, open_file(folder / "file"), options);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.cut(options.selection.slices[i])));
    EXPECT_LE(loaded.stats.staging_bytes, small.memory_limit);
    EXPECT_EQ(loaded.stats.copy.bytes, 3u * 20'000);
}

class Selecting : public testing::Test {
protected:
    Selecting() { save(folder_ / "file", sample_.views); }

    Loaded load_some(const Selection& selection) {
        LoadOptions options;
        options.selection = selection;
        return load(engine_, open_file(folder_ / "file"), options);
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 5'000'001, 17, 70'000, 2 << 20}};
    Engine engine_;
};

TEST_F(Selecting, HandsOutWhatIsWantedInFileOrder) {
    Selection selection;
    selection.names = {"t5", "t1"};
    selection.order = {"t5"};
    const Loaded loaded = load_some(selection);
    ASSERT_EQ(loaded.tensors.size(), 2u);
    EXPECT_EQ(loaded.layout.tensors[0].name, "t1");
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], sample_.data[1]));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[1], sample_.data[5]));
    EXPECT_EQ(loaded.stats.tensors, 2u);
}

TEST_F(Selecting, DoesNotReadWhatIsNotWanted) {
    Selection selection;
    selection.exclude = {"t1", "t3"};
    const Loaded loaded = load_some(selection);
    EXPECT_LT(loaded.stats.read_bytes, (2u << 20) + 600'000u);
}

TEST_F(Selecting, OfNothingIsAnEmptyLoad) {
    Selection selection;
    selection.wanted = [](const format::Tensor&) { return false; };
    const Loaded loaded = load_some(selection);
    EXPECT_TRUE(loaded.tensors.empty());
    EXPECT_TRUE(loaded.layout.tensors.empty());
}

TEST_F(Selecting, KeepsHeadersAndDigestsBesideTheirTensors) {
    LoadOptions options;
    options.selection.include = {"t[135]"};
    options.selection.order = {"t5"};
    options.keep_headers = options.digests = true;
    const Loaded loaded = load(engine_, open_file(folder_ / "file"), options);
    ASSERT_EQ(loaded.digests.size(), 3u);
    ASSERT_EQ(loaded.headers.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(loaded.digests[i], format::sha256(sample_.data[2 * i + 1]));
        EXPECT_TRUE(loaded.headers[i].crc32);
    }
}

TEST_F(Selecting, RefusesDigestsOfHeaders) {
    LoadOptions options;
    options.headers_only = options.digests = true;
    const auto error = test::error_of([&] { load(engine_, open_file(folder_ / "file"), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

TEST_F(Selecting, StillChecksWhatIsWantedAndOnlyThat) {
    auto bytes = test::read_file(folder_ / "file");
    const format::Layout layout = read_layout(engine_, open_file(folder_ / "file"));
    bytes[layout.tensors[3].data.offset + 5] ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    Selection selection;
    selection.exclude = {"t3"};
    EXPECT_EQ(load_some(selection).tensors.size(), 6u);
    selection.exclude.clear();
    selection.names = {"t3"};
    const auto error = test::error_of([&] { load_some(selection); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_EQ(error->source(), folder_ / "file");
}

} // namespace
} // namespace tz
