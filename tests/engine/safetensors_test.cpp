// safetensors files through the engine: tensors without headers of their own.
#include "every_way.hpp"
#include <tz/engine/load.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/remote_load.hpp>
#include <tz/tests/support/safetensors.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>

namespace tz {
namespace {

struct Way : test::EngineWay {
    std::size_t alignment; ///< of the data in the file
    Memory memory;
};

std::string name_of(const testing::TestParamInfo<Way>& info) {
    const Way& way = info.param;
    const char* memory = way.memory == Memory::owned    ? "Owned"
                         : way.memory == Memory::mapped ? "Mapped"
                         : way.memory == Memory::given  ? "Given"
                                                        : "None";
    return test::name_of(way) + "Aligned" + std::to_string(way.alignment) + memory;
}

class SafetensorsEveryWay : public test::EveryEngineWay<Way> {
protected:
    LoadOptions load_options() {
        LoadOptions options;
        options.memory = GetParam().memory;
        if (GetParam().memory == Memory::given)
            options.destination = [this](std::size_t, const format::Tensor& tensor) {
                return std::span(given_.emplace_back(tensor.bytes));
            };
        return options;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 5'000'001, 17, 70'000, 2 << 20, 1, 9 << 20, 0}};
    std::list<std::vector<std::byte>> given_;
};

TEST_P(SafetensorsEveryWay, Loads) {
    test::write_file(folder_ / "file", test::safetensors_of(sample_.views, GetParam().alignment));
    Engine engine(engine_options());
    LoadOptions options = load_options();
    options.digests = true;
    std::vector<std::string> delivered;
    options.deliver = [&](const Delivered& tensor) { delivered.push_back(tensor.tensor.name); };
    const Loaded loaded = load(engine, open_file(folder_ / "file", GetParam().direct), options);
    ASSERT_EQ(loaded.layout.tensors.size(), sample_.data.size());
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < sample_.data.size(); ++i) {
        EXPECT_EQ(loaded.digests[i], format::sha256(sample_.data[i])) << i;
        bytes += sample_.data[i].size();
        if (GetParam().memory == Memory::none)
            continue;
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
        if (GetParam().memory == Memory::owned) {
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded.tensors[i].data()) % 64, 0u);
        }
    }
    EXPECT_EQ(delivered.size(), sample_.data.size());
    EXPECT_EQ(loaded.stats.tensors, sample_.data.size());
    EXPECT_EQ(loaded.stats.bytes, bytes);
    EXPECT_EQ(loaded.stats.gap_bytes, 0u);
    EXPECT_LE(loaded.stats.staging_bytes, engine.options().memory_limit);
}

INSTANTIATE_TEST_SUITE_P(
    ,
    SafetensorsEveryWay,
    testing::Values(
        Way{{Io::uring, Direct::on, 1, 4 << 20}, 8, Memory::owned},
        Way{{Io::uring, Direct::on, 2, 1 << 20}, 4096, Memory::owned},
        Way{{Io::uring, Direct::on, 1, 64 << 10}, 8, Memory::given},
        Way{{Io::uring, Direct::off, 1, 4 << 20}, 8, Memory::owned},
        Way{{Io::threads, Direct::on, 1, 1 << 20}, 8, Memory::none},
        Way{{Io::threads, Direct::off, 2, 64 << 10}, 64, Memory::owned},
        Way{{Io::uring, Direct::off, 1, 1 << 20}, 8, Memory::mapped},
        Way{{Io::threads, Direct::off, 1, 4 << 20}, 64, Memory::mapped},
        Way{{Io::uring, Direct::off, 1, 1 << 20}, 1, Memory::given},
        Way{{Io::uring, Direct::off, 1, 4 << 20}, 8, Memory::none}),
    name_of);

struct Safetensors : testing::Test {
    std::shared_ptr<const Source> file(std::span<const std::byte> bytes) {
        test::write_file(folder_ / "file", bytes);
        return open_file(folder_ / "file");
    }

    std::shared_ptr<const Source> sample_file(std::size_t alignment = 8) {
        return file(test::safetensors_of(sample_.views, alignment));
    }

    void expect_sample(const LoadedFile& loaded) const {
        ASSERT_EQ(loaded.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 500'001, 17, 70'000}};
    Engine engine_;
};

TEST_F(Safetensors, LayoutTellsTheFormatAndItsMetadata) {
    const auto source = file(test::safetensors_bytes(
        {{"w", "BF16", "[2,3]", std::span(sample_.data[0]).first(12)}}, 8, R"({"format":"pt"})"));
    for (const format::Layout& layout :
         {read_layout(engine_, source), load(engine_, source).layout}) {
        EXPECT_EQ(layout.format, format::FileFormat::safetensors);
        EXPECT_EQ(layout.metadata, (decltype(layout.metadata){{"format", "pt"}}));
        EXPECT_EQ(layout.tensors[0].dtype.name, "bfloat16");
    }
    LoadOptions options;
    options.selection.include = {"w*"};
    const Loaded loaded = load(engine_, source, options);
    EXPECT_EQ(loaded.layout.format, format::FileFormat::safetensors);
    EXPECT_EQ(loaded.layout.metadata.size(), 1u);
}

TEST_F(Safetensors, FilesOfBothFormatsAreOneLoad) {
    save(folder_ / "other", sample_.views);
    const std::vector<std::shared_ptr<const Source>> sources{
        sample_file(), open_file(folder_ / "other")};
    const LoadedFiles loaded = load(engine_, sources);
    ASSERT_EQ(loaded.files.size(), 2u);
    for (const LoadedFile& one : loaded.files)
        expect_sample(one);
}

TEST_F(Safetensors, AFileWithoutTensorsLoads) {
    for (const Memory memory : {Memory::owned, Memory::mapped, Memory::none}) {
        LoadOptions options;
        options.memory = memory;
        const Loaded loaded = load(engine_, file(test::safetensors_bytes({})), options);
        EXPECT_TRUE(loaded.layout.tensors.empty());
        EXPECT_EQ(loaded.stats.bytes, 0u);
    }
}

TEST_F(Safetensors, EmptyTensorsAloneNeedNoReads) {
    const auto bytes = test::safetensors_bytes(
        {{"a", "F32", "[0]", {}}, {"b", "F4", "[3,0]", {}}, {"c", "XX", "[0,2]", {}}});
    for (const Memory memory : {Memory::owned, Memory::mapped, Memory::none}) {
        LoadOptions options;
        options.memory = memory;
        options.digests = true;
        std::size_t delivered = 0;
        options.deliver = [&](const Delivered&) { ++delivered; };
        const Loaded loaded = load(engine_, file(bytes), options);
        EXPECT_EQ(delivered, 3u);
        EXPECT_EQ(loaded.digests[1], format::sha256({}));
    }
}

// A step for each pair of them would take longer than a test may.
TEST_F(Safetensors, ManyEmptyTensorsLoad) {
    std::vector<test::SafetensorsEntry> entries;
    for (std::size_t i = 0; i < 200'000; ++i)
        entries.push_back({"t" + std::to_string(i), "F32", "[0]", {}});
    const auto source = file(test::safetensors_bytes(entries));
    const Loaded loaded = load(engine_, source);
    EXPECT_EQ(loaded.tensors.size(), 200'000u);
}

TEST_F(Safetensors, SmallTensorsShareReads) {
    std::vector<std::size_t> sizes(1000, 1000);
    const test::Sample small(sizes);
    auto source = std::make_shared<test::MemorySource>(test::safetensors_of(small.views));
    const Loaded loaded = load(engine_, source);
    ASSERT_EQ(loaded.tensors.size(), 1000u);
    for (std::size_t i = 0; i < sizes.size(); ++i)
        ASSERT_TRUE(std::ranges::equal(loaded.tensors[i], small.data[i])) << i;
    EXPECT_EQ(source->reads, 2u); // the header; and all of the data at once
}

TEST_F(Safetensors, HeadersOnlyReadsNoData) {
    auto source = std::make_shared<test::MemorySource>(test::safetensors_of(sample_.views));
    LoadOptions options;
    options.headers_only = options.keep_headers = true;
    const Loaded loaded = load(engine_, source, options);
    EXPECT_EQ(source->reads, 1u);
    EXPECT_EQ(loaded.headers.size(), sample_.data.size());
    EXPECT_FALSE(loaded.headers[0].crc32 || loaded.headers[0].sha256 || loaded.headers[0].seal);
    EXPECT_EQ(loaded.stats.tensors, sample_.data.size());
}

TEST_F(Safetensors, MappedMemoryIsTheFileWhereItIsAligned) {
    LoadOptions options;
    options.memory = Memory::mapped;
    const test::Sample even({64, 3 << 20, 0, 1 << 20, 128});
    const Loaded loaded = load(engine_, file(test::safetensors_of(even.views, 64)), options);
    EXPECT_EQ(loaded.stats.mapped_bytes, loaded.stats.bytes);
}

TEST_F(Safetensors, AreMappedWhereTheLoadChooses) {
    LoadOptions options;
    options.memory = Memory::automatic;
    const test::Sample even({64, 3 << 20, 0, 1 << 20, 128});
    const auto source = file(test::safetensors_of(even.views, 64));
    const Loaded loaded = load(engine_, source, options);
    EXPECT_EQ(loaded.stats.mapped_bytes, loaded.stats.bytes);
    options.verify = Verify::crc32; // which the file has none of
    const auto error = test::error_of([&] { load(engine_, source, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
}

// As the usual writer leaves files: at multiples of 8, and seldom of 64.
TEST_F(Safetensors, MappedMemoryIsTheFileOfTheUsualWriterToo) {
    const auto weight = test::random_bytes(3 << 20);
    const auto scales = test::random_bytes(24);
    auto bytes = test::safetensors_bytes(
        {{"scales", "F32", "[6]", scales}, {"weight", "F32", "[1024,768]", weight}});
    LoadOptions options;
    options.memory = Memory::mapped;
    const Loaded loaded = load(engine_, file(bytes), options);
    EXPECT_NE(loaded.layout.tensors[1].data.offset % 64, 0u) << "else this tests nothing";
    EXPECT_EQ(loaded.stats.mapped_bytes, loaded.stats.bytes);
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], scales));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[1], weight));
}

TEST_F(Safetensors, MappedCopiesOnlyWhatLiesAtOddPlaces) {
    const auto three = test::random_bytes(3, 2);
    const auto halves = test::random_bytes(2 << 20, 3);
    const auto one = test::random_bytes(1, 4);
    const auto more = test::random_bytes(1 << 20, 5);
    LoadOptions options;
    options.memory = Memory::mapped;
    const Loaded loaded = load(
        engine_,
        file(test::safetensors_bytes(
            {{"a", "U8", "[3]", three},
             {"b", "BF16", "[1024,1024]", halves},
             {"c", "U8", "[1]", one},
             {"d", "BF16", "[512,1024]", more}})),
        options);
    EXPECT_EQ(loaded.layout.tensors[1].data.offset % 2, 1u);
    EXPECT_EQ(loaded.stats.mapped_bytes, three.size() + one.size() + more.size());
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], three));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[1], halves));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[2], one));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[3], more));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded.tensors[1].data()) % 64, 0u);
}

TEST_F(Safetensors, SelectionAndOrderAreThoseOfOtherFiles) {
    LoadOptions options;
    options.selection.names = {"t5", "t1"};
    options.selection.include = {"t[03]"};
    options.selection.exclude = {"t3"};
    options.selection.order = {"t5"};
    std::vector<std::string> delivered;
    options.deliver = [&](const Delivered& tensor) { delivered.push_back(tensor.tensor.name); };
    const Loaded loaded = load(engine_, sample_file(), options);
    EXPECT_EQ(delivered, (std::vector<std::string>{"t5", "t0", "t1"}));
    ASSERT_EQ(loaded.tensors.size(), 3u);
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[1], sample_.data[1]));
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[2], sample_.data[5]));
    EXPECT_EQ(loaded.tensors_total, sample_.data.size());
    EXPECT_LT(loaded.stats.read_bytes, sample_.data[1].size() + 800'000);
}

TEST_F(Safetensors, SlicesReadTheirBytesAlone) {
    const auto data = test::random_bytes(1000 * 4096);
    const auto source = file(test::safetensors_bytes({{"w", "F32", "[1000,1024]", data}}));
    LoadOptions options;
    options.selection.slices = {{"w", 0, 900, 950}};
    const Loaded rows = load(engine_, source, options);
    EXPECT_EQ(rows.layout.tensors[0].shape, (std::vector<std::uint64_t>{50, 1024}));
    EXPECT_TRUE(
        std::ranges::equal(rows.tensors[0], std::span(data).subspan(900 * 4096, 50 * 4096)));
    EXPECT_LT(rows.stats.read_bytes, 50u * 4096 + 300'000);
    options.selection.slices = {{"w", 1, 1000, 1024}};
    const Loaded columns = load(engine_, source, options);
    for (std::size_t i = 0; i < 1000; ++i)
        ASSERT_TRUE(std::ranges::equal(
            columns.tensors[0].subspan(i * 96, 96), std::span(data).subspan(i * 4096 + 4000, 96)));
    options.selection.slices = {{"w", 0, 7, 7}};
    EXPECT_TRUE(load(engine_, source, options).tensors[0].empty());
}

TEST_F(Safetensors, SlicesFarApartAreReadOneByOne) {
    constexpr std::size_t row = 256 << 10;
    const auto data = test::random_bytes(40 * row);
    const auto source =
        file(test::safetensors_bytes({{"w", "U8", "[40," + std::to_string(row) + "]", data}}));
    LoadOptions options;
    options.selection.slices = {{"w", 1, row - 1000, row}};
    const Loaded loaded = load(engine_, source, options);
    for (std::size_t i = 0; i < 40; ++i)
        ASSERT_TRUE(std::ranges::equal(
            loaded.tensors[0].subspan(i * 1000, 1000),
            std::span(data).subspan((i + 1) * row - 1000, 1000)));
    EXPECT_EQ(loaded.stats.bytes, 40'000u);
}

TEST_F(Safetensors, SlicesOfPackedElementsAreWholeBytes) {
    const auto data = test::random_bytes(12);
    const auto source = file(test::safetensors_bytes({{"w", "F4", "[6,4]", data}}));
    LoadOptions options;
    options.selection.slices = {{"w", 0, 1, 3}};
    EXPECT_TRUE(std::ranges::equal(
        load(engine_, source, options).tensors[0], std::span(data).subspan(2, 4)));
    options.selection.slices = {{"w", 1, 2, 4}};
    const Loaded loaded = load(engine_, source, options);
    ASSERT_EQ(loaded.tensors[0].size(), 6u);
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_EQ(loaded.tensors[0][i], data[2 * i + 1]);
    options.selection.slices = {{"w", 1, 1, 3}};
    const auto error = test::error_of([&] { load(engine_, source, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_NE(std::string(error->what()).find("within a byte"), std::string::npos);
}

TEST_F(Safetensors, HashesThatAreAskedForAreMissing) {
    const auto source = sample_file();
    for (const Verify verify : {Verify::crc32, Verify::sha256, Verify::all}) {
        LoadOptions options;
        options.verify = verify;
        const auto error = test::error_of([&] { load(engine_, source, options); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::integrity);
        EXPECT_NE(std::string(error->what()).find("hold no hashes"), std::string::npos);
    }
    LoadOptions options;
    options.verify = Verify::none;
    expect_sample(load(engine_, source, options));
}

TEST_F(Safetensors, AKeyIsRefusedAsForAnyPlainFile) {
    LoadOptions options;
    options.key = test::sample_key();
    const auto error = test::error_of([&] { load(engine_, sample_file(), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
}

TEST_F(Safetensors, ACutFileIsSeenBeforeAnyData) {
    const auto bytes = test::safetensors_of(test::Sample({100, 50}).views);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto error =
            test::error_of([&] { load(engine_, file(std::span(bytes).first(size))); });
        ASSERT_TRUE(error) << size;
        ASSERT_EQ(error->kind(), errc::format) << size;
        ASSERT_EQ(error->source(), folder_ / "file");
    }
}

TEST_F(Safetensors, RandomFilesLoadAsTheyWereWritten) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE("TZ_TEST_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 30; ++round) {
        std::vector<std::size_t> sizes(random() % 40);
        for (std::size_t& size : sizes)
            size = random() % 4 == 0 ? random() % 3'000'000 : random() % 5000;
        const test::Sample sample(sizes, random());
        EngineOptions engine_options;
        engine_options.chunk_bytes = (64 << 10) << random() % 4;
        engine_options.memory_limit = 4 << 20;
        Engine engine(engine_options);
        test::write_file(folder_ / "file", test::safetensors_of(sample.views, 1 << random() % 13));
        LoadOptions options;
        options.memory = random() % 3 == 0 ? Memory::mapped : Memory::owned;
        options.digests = random() % 2 == 0;
        const auto direct = random() % 2 == 0 ? Direct::on : Direct::off;
        const Loaded loaded = load(engine, open_file(folder_ / "file", direct), options);
        for (std::size_t i = 0; i < sizes.size(); ++i)
            ASSERT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << round << " " << i;
    }
}

/// Objects of a server.
using RemoteSafetensors = test::RemoteTest;

TEST_F(RemoteSafetensors, LearnTheirSizeFromTheFirstAnswer) {
    const test::Sample sample({1000, 3 << 20, 0, 70'000});
    const auto source =
        std::make_shared<test::SlowSource>("object", host_, test::safetensors_of(sample.views));
    Engine engine;
    expect_same(load(engine, source), sample);
    EXPECT_TRUE(source->bytes_known());
}

} // namespace
} // namespace tz
