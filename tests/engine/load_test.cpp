#include "every_way.hpp"
#include <tz/engine/load.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz {
namespace {

class EveryWay : public test::EveryEngineWay<test::EngineWay> {
protected:
    void expect_same(const SaveOptions& saving, const LoadOptions& options) {
        save(folder_ / "file", sample_.views, saving);
        Engine engine(engine_options());
        const auto source = open_file(folder_ / "file", GetParam().direct);
        const Loaded loaded = load(engine, source, options);
        ASSERT_EQ(loaded.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i) {
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded.tensors[i].data()) % 64, 0u);
        }
        EXPECT_EQ(loaded.stats.tensors, sample_.data.size());
        EXPECT_LE(loaded.stats.staging_bytes, engine.options().memory_limit);
        if (GetParam().direct == Direct::on) {
            EXPECT_GT(loaded.stats.direct_bytes, 0u);
        } else {
            EXPECT_EQ(loaded.stats.direct_bytes, 0u);
        }
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 5'000'001, 17, 70'000, 2 << 20, 1, 9 << 20}};
};

TEST_P(EveryWay, LoadsAlignedFiles) {
    expect_same({}, {});
}

TEST_P(EveryWay, LoadsPackedFiles) {
    SaveOptions saving;
    saving.alignment = 1;
    expect_same(saving, {});
}

TEST_P(EveryWay, LoadsUnverified) {
    LoadOptions options;
    options.verify = Verify::none;
    expect_same({}, options);
}

TEST_P(EveryWay, ChecksEveryHash) {
    LoadOptions options;
    options.verify = Verify::all;
    expect_same({}, options);
}

TEST_P(EveryWay, Decrypts) {
    SaveOptions saving;
    saving.key = test::sample_key();
    LoadOptions options;
    options.key = test::sample_key();
    expect_same(saving, options);
    options.verify = Verify::sha256;
    expect_same(saving, options);
}

TEST_P(EveryWay, DecryptsPiecesThatChunksDontHold) {
    for (const std::uint64_t piece : {1024ull, 960'000ull, 3'000'000'000ull / 64 * 64}) {
        SaveOptions saving;
        saving.key = test::sample_key();
        saving.piece_bytes = piece / 64 * 64;
        LoadOptions options;
        options.key = test::sample_key();
        options.verify = Verify::sha256;
        SCOPED_TRACE(piece);
        expect_same(saving, options);
    }
}

TEST_P(EveryWay, GivesTheSameDigestsWithAndWithoutMemory) {
    SaveOptions saving;
    saving.key = test::sample_key();
    for (const std::uint64_t piece : {format::usual_piece_bytes, std::uint64_t{64} << 20}) {
        saving.piece_bytes = piece;
        save(folder_ / "file", sample_.views, saving);
        Engine engine(engine_options());
        for (const Memory memory : {Memory::owned, Memory::none}) {
            LoadOptions options;
            options.key = test::sample_key();
            options.memory = memory;
            options.digests = true;
            const Loaded loaded =
                load(engine, open_file(folder_ / "file", GetParam().direct), options);
            ASSERT_EQ(loaded.digests.size(), sample_.data.size());
            for (std::size_t i = 0; i < sample_.data.size(); ++i)
                EXPECT_EQ(loaded.digests[i], format::sha256(sample_.data[i])) << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Load,
    EveryWay,
    testing::Values(
        test::EngineWay{Io::uring, Direct::on, 1, 0},
        test::EngineWay{Io::uring, Direct::off, 1, 0},
        test::EngineWay{Io::uring, Direct::on, 3, 256 << 10},
        test::EngineWay{Io::threads, Direct::on, 1, 0},
        test::EngineWay{Io::threads, Direct::off, 2, 128 << 10}),
    [](const auto& info) { return test::name_of(info.param); });

// The same with bytes from memory, where the kinds of trouble can be chosen.

class Load : public testing::Test {
protected:
    std::shared_ptr<test::MemorySource>
    source(const std::vector<std::size_t>& sizes, const SaveOptions& saving = {}) {
        sample_ = std::make_unique<test::Sample>(sizes);
        save(folder_ / "file", sample_->views, saving);
        return std::make_shared<test::MemorySource>(test::read_file(folder_ / "file"));
    }

    errc kind_of_failure(std::shared_ptr<const Source> source, const LoadOptions& options = {}) {
        const auto error = test::error_of([&] { load(*engine_, source, options); });
        if (!error)
            return errc{};
        EXPECT_EQ(error->source(), "memory") << error->what();
        return error->kind();
    }

    static std::unique_ptr<Engine> threads() {
        EngineOptions options;
        options.io = Io::threads;
        options.workers = 2;
        return std::make_unique<Engine>(options);
    }

    test::TempFolder folder_;
    std::unique_ptr<test::Sample> sample_;
    std::unique_ptr<Engine> engine_ = threads();
};

TEST_F(Load, SeesEveryFlippedBitOfData) {
    auto file = source({5000});
    const auto layout = read_layout(*engine_, file);
    for (const std::uint64_t at : {0, 1234, 4999}) {
        file->content[layout.tensors[0].data.offset + at] ^= std::byte{4};
        EXPECT_EQ(kind_of_failure(file), errc::integrity);
        LoadOptions sha256;
        sha256.verify = Verify::sha256;
        EXPECT_EQ(kind_of_failure(file, sha256), errc::integrity);
        LoadOptions none;
        none.verify = Verify::none;
        EXPECT_EQ(kind_of_failure(file, none), errc{});
        file->content[layout.tensors[0].data.offset + at] ^= std::byte{4};
    }
}

TEST_F(Load, ChecksTheOtherHashWhereThereIsNoCrc32) {
    SaveOptions saving;
    saving.crc32 = false;
    auto file = source({9 << 20, 5000}, saving);
    EXPECT_EQ(kind_of_failure(file), errc{});
    const auto layout = read_layout(*engine_, file);
    for (const std::size_t tensor : {0, 1}) {
        std::byte& byte = file->content[layout.tensors[tensor].data.offset + 4321];
        byte ^= std::byte{4};
        EXPECT_EQ(kind_of_failure(file), errc::integrity);
        byte ^= std::byte{4};
    }
}

TEST_F(Load, RefusesToVerifyWhatIsNotStored) {
    SaveOptions saving;
    saving.crc32 = saving.sha256 = false;
    const auto file = source({100, 200}, saving);
    for (const Verify verify : {Verify::crc32, Verify::sha256, Verify::all}) {
        LoadOptions options;
        options.verify = verify;
        EXPECT_EQ(kind_of_failure(file, options), errc::integrity);
    }
    EXPECT_EQ(kind_of_failure(file), errc{});
}

TEST_F(Load, TellsWhichOfKeyAndPasswordIsWrong) {
    SaveOptions saving;
    saving.key = test::sample_key();
    const auto sealed = source({100'000}, saving);
    LoadOptions options;
    EXPECT_EQ(kind_of_failure(sealed), errc::auth) << "no key";
    options.key = test::secret(std::string(32, 'x'));
    EXPECT_EQ(kind_of_failure(sealed, options), errc::auth) << "wrong key";
    options.key = test::secret("short");
    EXPECT_EQ(kind_of_failure(sealed, options), errc::usage) << "no key at all";
    options.key.reset();
    options.password = test::secret("pw");
    EXPECT_EQ(kind_of_failure(sealed, options), errc::auth) << "a password for a raw key";
    options.key = test::sample_key();
    EXPECT_EQ(kind_of_failure(sealed, options), errc::usage) << "both";
    options.password.reset();
    EXPECT_EQ(kind_of_failure(source({100}), options), errc::auth) << "a key for a plain file";
}

TEST_F(Load, SeesAFlippedBitOfCiphertextInEachPiece) {
    SaveOptions saving;
    saving.key = test::sample_key();
    saving.piece_bytes = 1024;
    saving.sha256 = false;
    auto file = source({10'000}, saving);
    const auto layout = read_layout(*engine_, file);
    for (std::uint64_t at = 0; at < 10'000; at += 999) {
        file->content[layout.tensors[0].data.offset + at] ^= std::byte{1};
        LoadOptions options;
        options.key = test::sample_key();
        EXPECT_EQ(kind_of_failure(file, options), errc::auth);
        file->content[layout.tensors[0].data.offset + at] ^= std::byte{1};
    }
}

TEST_F(Load, ListsHeadersOfAnEncryptedFileWithoutItsKey) {
    SaveOptions saving;
    saving.key = test::sample_key();
    LoadOptions options;
    options.headers_only = options.keep_headers = true;
    const auto file = source({9 << 20, 100}, saving);
    const Loaded loaded = load(*engine_, file, options);
    ASSERT_EQ(loaded.headers.size(), 2u);
    EXPECT_EQ(loaded.headers[0].seal->macs.size(), 5u);
    EXPECT_TRUE(loaded.tensors.empty());
    EXPECT_LT(loaded.stats.read_bytes, 1u << 20);
}

TEST_F(Load, ListsWhatTheHashesOfHeadersCover) {
    LoadOptions options;
    options.headers_only = options.keep_headers = true;
    const auto file = source({100, 5000});
    const Loaded loaded = load(*engine_, file, options);
    const format::TensorHeader& header = loaded.headers[1];
    format::Sha256Stream hash;
    hash.update(header.hashed);
    hash.update(std::span(file->content)
                    .subspan(loaded.layout.tensors[1].data.offset, loaded.layout.tensors[1].bytes));
    EXPECT_EQ(hash.finish(), *header.sha256);
}

TEST_F(Load, StagesTheSameForOneLargeTensorAsForManySmall) {
    std::uint64_t staging[2];
    const std::vector<std::size_t> shapes[] = {{64 << 20}, std::vector<std::size_t>(64, 1 << 20)};
    for (int i = 0; i < 2; ++i) {
        EngineOptions options;
        options.io = Io::threads;
        options.memory_limit = 8 << 20;
        Engine engine(options);
        LoadOptions none;
        none.memory = Memory::none;
        staging[i] = load(engine, source(shapes[i]), none).stats.staging_bytes;
        EXPECT_LE(staging[i], options.memory_limit);
    }
    EXPECT_EQ(staging[0], staging[1]);
}

TEST_F(Load, SaysHowMuchMemoryOneLargeSealedPieceNeeds) {
    SaveOptions saving;
    saving.key = test::sample_key();
    saving.piece_bytes = 64 << 20;
    EngineOptions options;
    options.memory_limit = 16 << 20;
    Engine engine(options);
    LoadOptions none;
    none.key = test::sample_key();
    none.memory = Memory::none;
    const auto file = source({32 << 20}, saving);
    const auto error = test::error_of([&] { load(engine, file, none); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_NE(std::string(error->what()).find("--memory-limit"), std::string::npos);
}

TEST_F(Load, GathersManyOddlySealedTensorsWithinTheLimit) {
    SaveOptions saving;
    saving.key = test::sample_key();
    saving.piece_bytes = 1'920'000;
    const std::vector<std::size_t> sizes(12, 5 << 20);
    const auto file = source(sizes, saving);
    EngineOptions options;
    options.memory_limit = 24 << 20; // a few of them at once
    options.chunk_bytes = 1 << 20;
    options.concurrency = 16;
    Engine engine(options);
    LoadOptions none;
    none.key = test::sample_key();
    none.memory = Memory::none;
    none.verify = Verify::sha256;
    none.digests = true;
    const Loaded loaded = load(engine, file, none);
    for (std::size_t i = 0; i < sizes.size(); ++i)
        EXPECT_EQ(loaded.digests[i], format::sha256(sample_->data[i]));
}

TEST_F(Load, ReadsLongHeadersWithinTheLimit) {
    // slack makes headers of 3 MiB, four times the chunk, and only one fits the rest of the limit
    // at once
    SaveOptions saving;
    auto file = source({5000, 6000, 7000}, saving);
    format::Layout layout = read_layout(*engine_, file);
    constexpr std::uint64_t slack = 3 << 20;
    std::vector<std::byte> content(layout.index_bytes);
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        auto& tensor = layout.tensors[i];
        tensor.header = {content.size(), tensor.header.bytes + slack};
        tensor.data.offset = tensor.header.end();
        format::HeaderValues values;
        values.crc32 = 0;
        const auto hashed = format::hashed_form(tensor, layout, values);
        values.crc32 = format::crc32(sample_->data[i], format::crc32(hashed));
        const auto header = format::write_header(tensor, layout, values);
        content.insert(content.end(), header.begin(), header.end());
        content.insert(content.end(), sample_->data[i].begin(), sample_->data[i].end());
    }
    content.resize(content.size() + format::terminator_bytes);
    layout.file_bytes = content.size();
    std::ranges::copy(format::write_index(layout), content.begin());
    const auto long_headers = std::make_shared<test::MemorySource>(content);
    for (const std::size_t limit : {std::size_t{12} << 20, std::size_t{5} << 20}) {
        EngineOptions options;
        options.io = Io::threads;
        options.chunk_bytes = 768 << 10;
        options.concurrency = 4;
        options.memory_limit = limit;
        Engine engine(options);
        LoadOptions crc32;
        crc32.verify = Verify::crc32;
        const auto error = test::error_of([&] {
            const Loaded loaded = load(engine, long_headers, crc32);
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[2], sample_->data[2]));
            EXPECT_LE(loaded.stats.staging_bytes, limit);
        });
        EXPECT_EQ(error.has_value(), limit == 5 << 20);
        EXPECT_TRUE(!error || error->kind() == errc::limit) << error->what();
    }
}

TEST_F(Load, NotesBytesBehindTheEnd) {
    auto file = source({100});
    auto content = file->content;
    content.resize(content.size() + 5);
    std::vector<std::string> notes;
    EngineOptions options;
    options.log = [&](LogLevel level, const std::string& text) {
        if (level == LogLevel::warning)
            notes.push_back(text);
    };
    Engine engine(options);
    load(engine, std::make_shared<test::MemorySource>(content));
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("13 bytes follow the last tensor"), std::string::npos) << notes[0];
}

TEST_F(Load, ReportsAChangeOfTheSource) {
    auto file = source({100});
    file->changed = true;
    EXPECT_EQ(kind_of_failure(file), errc::object_changed);
}

TEST_F(Load, NamesTheSourceInEveryError) {
    auto file = source({100});
    file->before_read = [](std::uint64_t read) {
        if (read == 1)
            throw Error(errc::io, "broken", 77);
    };
    const auto error = test::error_of([&] { load(*engine_, file); });
    ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "memory: broken (at byte 77)");
}

TEST_F(Load, ReportsProgressOnTheCallersThreadAndItsEnd) {
    auto file = source(std::vector<std::size_t>(20, 1 << 20));
    file->delay = std::chrono::milliseconds(30);
    std::vector<Progress> seen;
    const auto caller = std::this_thread::get_id();
    LoadOptions options;
    options.progress = [&](const Progress& progress) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        seen.push_back(progress);
    };
    load(*engine_, file, options);
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back().bytes_done, 20u << 20);
    EXPECT_EQ(seen.back().tensors_done, 20u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end(), [](const auto& a, const auto& b) {
        return a.bytes_done < b.bytes_done;
    }));
}

TEST_F(Load, LetsAThrowingProgressCallbackEndIt) {
    auto file = source(std::vector<std::size_t>(50, 1 << 20));
    file->delay = std::chrono::milliseconds(200);
    LoadOptions options;
    options.progress = [](const Progress&) { throw std::logic_error("enough"); };
    EXPECT_THROW(load(*engine_, file, options), std::logic_error);
}

TEST_F(Load, RefusesZerosThatNoMemoryHolds) {
    // a meta tensor: a few hundred bytes of file, exbibytes of zeros
    test::Sample sample({1});
    sample.views[0].spec.shape = {1, 1};
    save(folder_ / "file", sample.views);
    test::MemorySource file(test::read_file(folder_ / "file"));
    format::Layout layout = format::parse_index(file.content, file.content.size());
    layout.version = 4;
    layout.tensors[0].shape = {1u << 31, 1u << 31};
    layout.tensors[0].bytes = std::uint64_t{1} << 62;
    layout.tensors[0].data.bytes = 0;
    const auto index = format::write_index(layout);
    ASSERT_EQ(index.size(), layout.index_bytes);
    std::ranges::copy(index, file.content.begin());
    const auto bomb = std::make_shared<test::MemorySource>(file.content);
    EXPECT_EQ(kind_of_failure(bomb), errc::limit);
    LoadOptions digests;
    digests.memory = Memory::none;
    digests.digests = true;
    EXPECT_EQ(kind_of_failure(bomb, digests), errc::limit) << "hashing them takes for ever too";
}

} // namespace
} // namespace tz
