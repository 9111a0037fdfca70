// A small file cut at each byte, and with a bit flipped at each byte of its header and index: a
// typed error or exactly the right tensors.
#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz {
namespace {

struct Kind {
    const char* name;
    bool encrypted;
};

class Damage : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        SaveOptions options;
        if (GetParam().encrypted)
            options.key = test::sample_key();
        save(folder_ / "file", sample_.views, options);
        whole_ = test::read_file(folder_ / "file");
        EngineOptions engine;
        engine.io = Io::threads;
        engine.workers = 1;
        engine.concurrency = 2;
        engine_ = std::make_unique<Engine>(engine);
    }

    /// The right tensors, or an error that a bad file may cause. Returns whether it loaded.
    bool expect_right_or_refused(std::vector<std::byte> content) {
        const auto source = std::make_shared<test::MemorySource>(std::move(content));
        LoadOptions options;
        if (GetParam().encrypted)
            options.key = test::sample_key();
        try {
            const Loaded loaded = load(*engine_, source, options);
            EXPECT_EQ(loaded.tensors.size(), sample_.data.size());
            for (std::size_t i = 0; i < loaded.tensors.size(); ++i)
                EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
            return true;
        } catch (const Error& error) {
            const errc kinds[] = {
                errc::format, errc::integrity, errc::auth, errc::unsupported, errc::limit};
            EXPECT_TRUE(std::ranges::count(kinds, error.kind())) << error.what();
            EXPECT_EQ(error.source(), "memory");
            return false;
        }
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 0, 33, 700}};
    std::vector<std::byte> whole_;
    std::unique_ptr<Engine> engine_;
};

TEST_P(Damage, IsSeenWhereverTheFileIsCut) {
    ASSERT_TRUE(expect_right_or_refused(whole_));
    const std::size_t data_end = whole_.size() - format::terminator_bytes;
    for (std::size_t size = 0; size < whole_.size(); ++size) {
        const bool loaded =
            expect_right_or_refused({whole_.begin(), whole_.begin() + static_cast<long>(size)});
        EXPECT_TRUE(size >= data_end || !loaded) << "cut at " << size;
    }
}

TEST_P(Damage, NeverGivesWrongBytesWhicheverBitFlips) {
    for (std::size_t at = 0; at < whole_.size(); ++at) {
        auto damaged = whole_;
        damaged[at] ^= std::byte{1} << at % 8;
        SCOPED_TRACE(at);
        // names, kinds and dtypes are not authenticated: what must not change is which bytes come
        // out
        expect_right_or_refused(std::move(damaged));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files,
    Damage,
    testing::Values(Kind{"Plain", false}, Kind{"Encrypted", true}),
    [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace tz
