// Where tensors end up: the file's own pages, memory of the caller, and what a failed load leaves.
#include <tz/engine/load.hpp>
#include <tz/engine/mapping.hpp>
#include <tz/engine/source.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

namespace tz {
namespace {

class Destinations : public testing::Test {
protected:
    std::shared_ptr<Source> file(const SaveOptions& saving = {}) {
        save(folder_ / "file", sample_.views, saving);
        return open_file(folder_ / "file");
    }

    void expect_sample(const LoadedFile& loaded) {
        ASSERT_EQ(loaded.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
    }

    std::uint64_t total_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& data : sample_.data)
            bytes += data.size();
        return bytes;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 5'000'001, 17, 70'000, 2 << 20}};
    Engine engine_;
};

TEST_F(Destinations, MappedHandsOutTheFilesOwnPages) {
    LoadOptions options;
    options.memory = Memory::mapped;
    const Loaded loaded = load(engine_, file(), options);
    expect_sample(loaded);
    EXPECT_EQ(loaded.stats.mapped_bytes, loaded.stats.bytes);
    for (const auto& tensor : loaded.tensors)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0u);
}

TEST_F(Destinations, WhatIsWrittenToAMappedTensorStaysInTheProcess) {
    LoadOptions options;
    options.memory = Memory::mapped;
    const auto source = file();
    const auto before = test::read_file(folder_ / "file");
    {
        const Loaded loaded = load(engine_, source, options);
        std::ranges::fill(loaded.tensors[1], std::byte{7});
    }
    EXPECT_EQ(test::read_file(folder_ / "file"), before);
}

TEST_F(Destinations, MappedCopiesWhatIsNotAligned) {
    SaveOptions packed;
    packed.alignment = 1;
    sample_ = test::Sample({101, 3 << 20, 7, 5'000'000, 70'000});
    for (TensorView& view : sample_.views)
        if (view.spec.bytes % 4 == 0) {
            view.spec.dtype_code = "<f4";
            view.spec.shape = {view.spec.bytes / 4};
        }
    LoadOptions options;
    options.memory = Memory::mapped;
    const auto source = file(packed);
    std::uint64_t aligned = 0;
    for (const format::Tensor& tensor : read_layout(engine_, source).tensors)
        if (tensor.data.offset % (tensor.dtype.bits / 8) == 0)
            aligned += tensor.bytes;
    ASSERT_LT(aligned, total_bytes()) << "else this tests nothing";
    const Loaded loaded = load(engine_, source, options);
    expect_sample(loaded);
    EXPECT_EQ(loaded.stats.mapped_bytes, aligned);
    for (std::size_t i = 0; i < loaded.tensors.size(); ++i) {
        const std::uint64_t unit = loaded.layout.tensors[i].dtype.bits / 8;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded.tensors[i].data()) % unit, 0u) << i;
    }
}

TEST_F(Destinations, MappedSaysWhenTheFileWasCutBeforeTheLoad) {
    const auto source = file();
    std::filesystem::resize_file(folder_ / "file", 4 << 20);
    LoadOptions options;
    options.memory = Memory::mapped;
    const auto error = test::error_of([&] { load(engine_, source, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
    EXPECT_EQ(error->source(), source->name());
}

TEST_F(Destinations, MappedDecryptsIntoMemoryOfItsOwn) {
    SaveOptions sealed;
    sealed.key = test::sample_key();
    LoadOptions options;
    options.memory = Memory::mapped;
    options.key = test::sample_key();
    const Loaded loaded = load(engine_, file(sealed), options);
    expect_sample(loaded);
    EXPECT_EQ(loaded.stats.mapped_bytes, 0u);
}

TEST_F(Destinations, MappedChecksHashesOnlyWhenAsked) {
    file();
    auto bytes = test::read_file(folder_ / "file");
    const format::Layout layout = read_layout(engine_, open_file(folder_ / "file"));
    bytes[layout.tensors[3].data.offset + 5] ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    LoadOptions options;
    options.memory = Memory::mapped;
    EXPECT_NO_THROW(load(engine_, open_file(folder_ / "file"), options));
    for (const Verify verify : {Verify::crc32, Verify::sha256}) {
        options.verify = verify;
        const auto error =
            test::error_of([&] { load(engine_, open_file(folder_ / "file"), options); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::integrity);
    }
}

TEST_F(Destinations, AutomaticMapsNothingThatHasHashesToCheck) {
    LoadOptions options;
    options.memory = Memory::automatic;
    EXPECT_EQ(load(engine_, file(), options).stats.mapped_bytes, 0u);
    auto bytes = test::read_file(folder_ / "file");
    const format::Layout layout = read_layout(engine_, open_file(folder_ / "file"));
    bytes[layout.tensors[3].data.offset + 5] ^= std::byte{1};
    test::write_file(folder_ / "file", bytes);
    const auto error = test::error_of([&] { load(engine_, open_file(folder_ / "file"), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    options.verify = Verify::none;
    const Loaded loaded = load(engine_, open_file(folder_ / "file"), options);
    EXPECT_EQ(loaded.stats.mapped_bytes, loaded.stats.bytes);
}

TEST_F(Destinations, MappedPagesOutliveEngineAndSource) {
    std::shared_ptr<const void> memory;
    std::span<std::byte> tensor;
    {
        Engine engine;
        LoadOptions options;
        options.memory = Memory::mapped;
        const Loaded loaded = load(engine, file(), options);
        memory = loaded.memory;
        tensor = loaded.tensors[3];
    }
    std::filesystem::remove(folder_ / "file");
    EXPECT_TRUE(std::ranges::equal(tensor, sample_.data[3]));
}

TEST_F(Destinations, MappedReadsFromASourceWithoutPages) {
    file();
    const auto source = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    LoadOptions options;
    options.memory = Memory::mapped;
    const Loaded loaded = load(engine_, source, options);
    expect_sample(loaded);
    EXPECT_EQ(loaded.stats.mapped_bytes, 0u);
}

TEST_F(Destinations, AMappingSaysWhenTheFileLostItsPages) {
    file();
    const auto source = open_file(folder_ / "file");
    const auto mapping = source->map();
    std::filesystem::resize_file(folder_ / "file", 4096);
    const auto error = test::error_of([&] { mapping->populate(mapping->bytes()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
}

/// Memory of a caller, by tensor, deliberately misaligned.
struct OwnMemory {
    std::map<std::string, std::vector<std::byte>> memory;

    std::span<std::byte> operator()(const format::Tensor& tensor) {
        auto& bytes = memory[tensor.name];
        bytes.assign(tensor.bytes + 128, std::byte{0xee});
        return std::span(bytes).subspan(3, tensor.bytes);
    }

    /// That nothing around the tensor was written.
    void expect_margins() const {
        for (const auto& [name, bytes] : memory) {
            for (std::size_t i = 0; i < 3; ++i)
                EXPECT_EQ(bytes[i], std::byte{0xee}) << name;
            for (std::size_t i = bytes.size() - 125; i < bytes.size(); ++i)
                EXPECT_EQ(bytes[i], std::byte{0xee}) << name;
        }
    }
};

TEST_F(Destinations, GivenMemoryIsFilledAndNothingAroundIt) {
    for (const bool sealed : {false, true})
        for (const Direct direct : {Direct::on, Direct::off}) {
            SaveOptions saving;
            LoadOptions options;
            if (sealed)
                saving.key = options.key = test::sample_key();
            file(saving);
            OwnMemory own;
            const auto caller = std::this_thread::get_id();
            options.memory = Memory::given;
            options.verify = Verify::sha256;
            options.destination = [&](std::size_t, const format::Tensor& tensor) {
                EXPECT_EQ(std::this_thread::get_id(), caller);
                return own(tensor);
            };
            const Loaded loaded = load(engine_, open_file(folder_ / "file", direct), options);
            expect_sample(loaded);
            EXPECT_EQ(loaded.tensors[1].data(), own.memory["t1"].data() + 3);
            own.expect_margins();
        }
}

TEST_F(Destinations, GivenMemoryOfTheWrongSizeIsRefused) {
    LoadOptions options;
    options.memory = Memory::given;
    std::vector<std::byte> memory(6 << 20);
    options.destination = [&](std::size_t, const format::Tensor&) { return std::span(memory); };
    auto error = test::error_of([&] { load(engine_, file(), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    options.destination = {};
    error = test::error_of([&] { load(engine_, file(), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage) << "no destination";
}

TEST_F(Destinations, AFailedLoadListsWhichGivenTensorsAreComplete) {
    file();
    auto bytes = test::read_file(folder_ / "file");
    const format::Layout layout = read_layout(engine_, open_file(folder_ / "file"));
    bytes[layout.tensors[6].data.offset + 5] ^= std::byte{1}; // the last one
    auto source = std::make_shared<test::MemorySource>(bytes);
    OwnMemory own;
    LoadOptions options;
    options.memory = Memory::given;
    options.destination = [&](std::size_t, const format::Tensor& tensor) { return own(tensor); };
    EngineOptions one_lane; // so that all others are through before
    one_lane.concurrency = 1;
    Engine engine(one_lane);
    try {
        load(engine, source, options);
        FAIL() << "a flipped bit went unseen";
    } catch (const PartialLoad& error) {
        EXPECT_EQ(error.kind(), errc::integrity);
        EXPECT_EQ(error.source(), "memory");
        ASSERT_EQ(error.complete().size(), 6u);
        EXPECT_EQ(error.complete()[3].name, "t3");
        EXPECT_TRUE(std::ranges::equal(
            std::span(own.memory["t3"]).subspan(3, sample_.data[3].size()), sample_.data[3]));
    }
}

TEST_F(Destinations, DeliveredTensorsComeInOrderOnTheCallersThread) {
    const auto caller = std::this_thread::get_id();
    for (const Memory memory : {Memory::owned, Memory::mapped, Memory::none}) {
        LoadOptions options;
        options.memory = memory;
        options.verify = Verify::all;
        options.selection.order = {"t6", "t0"};
        std::vector<std::string> names;
        options.deliver = [&](const Delivered& tensor) {
            EXPECT_EQ(std::this_thread::get_id(), caller);
            names.push_back(tensor.tensor.name);
            const std::size_t index = static_cast<std::size_t>(tensor.tensor.name[1] - '0');
            if (memory != Memory::none) {
                EXPECT_TRUE(std::ranges::equal(tensor.bytes, sample_.data[index]));
            }
        };
        load(engine_, file(), options);
        EXPECT_EQ(names, (std::vector<std::string>{"t6", "t0", "t1", "t2", "t3", "t4", "t5"}));
    }
}

TEST_F(Destinations, WhatWasDeliveredOutlivesAFailedLoad) {
    file();
    auto source = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    const format::Layout layout = read_layout(engine_, source);
    source->content[layout.tensors[6].data.offset + 5] ^= std::byte{1};
    for (const Memory memory : {Memory::owned, Memory::mapped}) {
        std::vector<Delivered> delivered;
        LoadOptions options;
        options.memory = memory;
        options.verify = Verify::crc32;
        options.deliver = [&](const Delivered& tensor) { delivered.push_back(tensor); };
        EngineOptions one_lane;
        one_lane.concurrency = 1;
        {
            Engine engine(one_lane);
            EXPECT_THROW(load(engine, source, options), Error);
        }
        for (std::size_t i = 0; i < delivered.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(delivered[i].bytes, sample_.data[i]));
    }
}

TEST_F(Destinations, AThrowingDeliveryEndsTheLoad) {
    LoadOptions options;
    options.deliver = [](const Delivered& tensor) {
        if (tensor.tensor.name == "t3")
            throw std::logic_error("enough");
    };
    EXPECT_THROW(load(engine_, file(), options), std::logic_error);
    EXPECT_NO_THROW(load(engine_, file())); // the engine is fine
}

TEST_F(Destinations, ADeliveryThatThrewIsNotCalledAgain) {
    unsigned calls = 0;
    LoadOptions options;
    options.deliver = [&](const Delivered&) {
        ++calls;
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // more are complete by then
        throw std::logic_error("enough");
    };
    file();
    auto source = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    source->before_read = [](std::uint64_t read) {
        if (read > 4)
            std::this_thread::sleep_for(std::chrono::milliseconds(300)); // and lanes still at work
    };
    EXPECT_THROW(load(engine_, source, options), std::logic_error);
    EXPECT_EQ(calls, 1u);
}

TEST_F(Destinations, NoGivenTensorIsCompleteOfAFileThatChanged) {
    file();
    auto source = std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    source->changed = true;
    OwnMemory own;
    LoadOptions options;
    options.memory = Memory::given;
    options.verify = Verify::none;
    options.destination = [&](std::size_t, const format::Tensor& tensor) { return own(tensor); };
    try {
        load(engine_, source, options);
        FAIL() << "a change went unseen";
    } catch (const PartialLoad& error) {
        EXPECT_EQ(error.kind(), errc::object_changed);
        EXPECT_TRUE(error.complete().empty());
    }
}

// Several files -------------------------------------------------------------------------------

class Shards : public testing::Test {
protected:
    Shards() {
        for (std::size_t i = 0; i < 5; ++i) {
            samples_.push_back(std::make_unique<test::Sample>(
                std::vector<std::size_t>{1000 * i + 1, 3'000'000, 50'000 + i}, 100 * i));
            const std::string path = folder_ / ("shard" + std::to_string(i));
            SaveOptions saving;
            if (i % 2 != 0)
                saving.alignment = 1;
            save(path, samples_[i]->views, saving);
            sources_.push_back(open_file(path, i == 3 ? Direct::on : Direct::automatic));
        }
    }

    void expect_samples(const LoadedFiles& loaded) {
        ASSERT_EQ(loaded.files.size(), samples_.size());
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            ASSERT_EQ(loaded.files[i].tensors.size(), 3u);
            for (std::size_t t = 0; t < 3; ++t)
                EXPECT_TRUE(std::ranges::equal(loaded.files[i].tensors[t], samples_[i]->data[t]));
        }
    }

    test::TempFolder folder_;
    std::vector<std::unique_ptr<test::Sample>> samples_;
    std::vector<std::shared_ptr<const Source>> sources_;
    Engine engine_;
};

TEST_F(Shards, AreOneLoad) {
    for (const Memory memory : {Memory::owned, Memory::mapped}) {
        for (const Verify verify : {Verify::automatic, Verify::sha256}) {
            LoadOptions options;
            options.memory = memory;
            options.verify = verify;
            const LoadedFiles loaded = load(engine_, sources_, options);
            expect_samples(loaded);
            EXPECT_EQ(loaded.stats.tensors, 15u);
            EXPECT_LE(loaded.stats.staging_bytes, engine_.options().memory_limit);
        }
    }
}

TEST_F(Shards, NameTheFileThatIsWrong) {
    const std::string path = folder_ / "shard2";
    auto bytes = test::read_file(path);
    const format::Layout layout = read_layout(engine_, open_file(path));
    bytes[layout.tensors[1].data.offset] ^= std::byte{1};
    test::write_file(path, bytes);
    sources_[2] = open_file(path);
    const auto error = test::error_of([&] { load(engine_, sources_); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_EQ(error->source(), path);
}

TEST_F(Shards, DeliverAcrossFilesInTheOrderTheCallerGives) {
    std::vector<std::string> seen;
    LoadOptions options;
    options.selection.include = {"t0", "t2"};
    options.selection.order = {"t2"};
    options.deliver = [&](const Delivered& tensor) {
        seen.push_back(std::to_string(tensor.file) + tensor.tensor.name);
    };
    load(engine_, sources_, options);
    EXPECT_EQ(
        seen,
        (std::vector<std::string>{
            "0t2", "1t2", "2t2", "3t2", "4t2", "0t0", "1t0", "2t0", "3t0", "4t0"}));
}

TEST_F(Shards, OfNoFilesAreAUsageError) {
    const auto error =
        test::error_of([&] { load(engine_, std::span<const std::shared_ptr<const Source>>()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

} // namespace
} // namespace tz
