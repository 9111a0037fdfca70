// Small files cut at each byte, and with each bit of header and index flipped: a typed error or
// exactly the right tensors.
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace tz {
namespace {

/// Sizes from nothing to more than a block, hashes as the writer makes them.
std::vector<TensorView> of_bytes(const test::Sample& sample) {
    return sample.views;
}

/// All that is odd about tensors: no dimension, no element, an opaque type, a structured name.
std::vector<TensorView> of_kinds(const test::Sample& sample) {
    const std::string bfloat16("<V2\0torch.bfloat16", 18);
    const auto view = [&](std::size_t data, format::TensorSpec spec) {
        spec.bytes = sample.data[data].size();
        return TensorView{std::move(spec), sample.data[data]};
    };
    using format::TensorKind;
    return {
        view(0, {"matrix", TensorKind::parameter, "<f4", {5, 5}}),
        view(1, {"empty", TensorKind::buffer, "<i8", {0, 3}}),
        view(1, {"opaque, empty", TensorKind::state, bfloat16, {0}}),
        view(2, {"scalar", TensorKind::state, "<f8", {}}),
        view(3, {"opaque", TensorKind::parameter, bfloat16, {2, 175}})};
}

struct Kind {
    const char* name;
    std::vector<TensorView> (*views)(const test::Sample&);
    bool encrypted;
};

constexpr Kind kinds[] = {
    {"Plain", of_bytes, false},
    {"Encrypted", of_bytes, true},
    {"Kinds", of_kinds, false},
    {"KindsEncrypted", of_kinds, true},
};

class Damage : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        SaveOptions options;
        options.region_bytes_min = 0; // each byte costs a load
        if (GetParam().encrypted)
            options.key = test::sample_key();
        save(path_, views_, options);
        whole_ = test::read_file(path_);
        EngineOptions engine;
        engine.io = Io::threads;
        engine.workers = 1;
        engine.concurrency = 2;
        engine_ = std::make_unique<Engine>(engine);
    }

    void expect_right(const Loaded& loaded) {
        ASSERT_EQ(loaded.tensors.size(), views_.size());
        for (std::size_t i = 0; i < views_.size(); ++i) {
            const format::Tensor& tensor = loaded.layout.tensors[i];
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], views_[i].data)) << i;
            EXPECT_EQ(tensor.name, views_[i].spec.name);
            EXPECT_EQ(tensor.kind, views_[i].spec.kind);
            EXPECT_EQ(tensor.dtype.code, views_[i].spec.dtype_code);
            EXPECT_EQ(tensor.shape, views_[i].spec.shape);
        }
    }

    /// The right tensors, or an error that a bad file may cause. Returns whether it loaded.
    bool expect_right_or_refused(Engine& engine, const std::shared_ptr<const Source>& source) {
        LoadOptions options;
        if (GetParam().encrypted)
            options.key = test::sample_key();
        const auto error = test::error_of([&] { expect_right(load(engine, source, options)); });
        if (!error)
            return true;
        const errc bad[] = {
            errc::format, errc::integrity, errc::auth, errc::unsupported, errc::limit};
        EXPECT_TRUE(std::ranges::count(bad, error->kind())) << error->what();
        EXPECT_EQ(error->source(), source->name());
        // a key that is missing or too much is about the file as a whole
        EXPECT_TRUE(error->offset() || error->kind() == errc::auth) << error->what();
        return false;
    }

    bool expect_right_or_refused(std::vector<std::byte> content) {
        return expect_right_or_refused(
            *engine_, std::make_shared<test::MemorySource>(std::move(content)));
    }

    std::uint64_t data_end() const { return whole_.size() - format::terminator_bytes; }

    test::TempFolder folder_;
    test::Sample sample_{{100, 0, 8, 700}};
    std::vector<TensorView> views_ = GetParam().views(sample_);
    std::string path_ = folder_ / "file";
    std::vector<std::byte> whole_;
    std::unique_ptr<Engine> engine_;
};

TEST_P(Damage, IsSeenWhereverTheFileIsCut) {
    ASSERT_TRUE(expect_right_or_refused(whole_));
    for (std::size_t size = 0; size < whole_.size(); ++size) {
        const bool loaded =
            expect_right_or_refused({whole_.begin(), whole_.begin() + static_cast<long>(size)});
        EXPECT_EQ(loaded, size >= data_end()) << "cut at " << size;
    }
}

TEST_P(Damage, IsSeenWhereverAFileOnDiskIsCutHoweverItIsRead) {
    for (const auto& [io, direct] :
         {std::pair{Io::automatic, Direct::on},
          {Io::threads, Direct::on},
          {Io::threads, Direct::off}}) {
        test::write_file(path_, whole_);
        EngineOptions options;
        options.io = io;
        options.workers = 1;
        options.concurrency = 2;
        Engine engine(options);
        for (std::size_t size = whole_.size() + 1; size-- > 0;) {
            std::filesystem::resize_file(path_, size);
            const bool loaded = expect_right_or_refused(engine, open_file(path_, direct));
            EXPECT_EQ(loaded, size >= data_end()) << "cut at " << size;
        }
    }
}

TEST_P(Damage, NeverGivesAnythingWrongWhicheverBitOfHeaderAndIndexFlips) {
    const Loaded loaded = [&] {
        LoadOptions options;
        options.headers_only = true;
        return load(*engine_, std::make_shared<test::MemorySource>(whole_), options);
    }();
    std::vector<bool> is_data(whole_.size());
    for (const format::Tensor& tensor : loaded.layout.tensors)
        std::fill_n(
            is_data.begin() + static_cast<long>(tensor.data.offset), tensor.data.bytes, true);
    int refused = 0;
    for (std::size_t at = 0; at < whole_.size(); ++at)
        // of data, which a hash or a MAC covers as a whole, one bit a byte
        for (unsigned bit = is_data[at] ? at % 8 : 0; bit < (is_data[at] ? at % 8 + 1 : 8); ++bit) {
            auto damaged = whole_;
            damaged[at] ^= std::byte{1} << bit;
            SCOPED_TRACE("byte " + std::to_string(at) + ", bit " + std::to_string(bit));
            const bool right = expect_right_or_refused(std::move(damaged));
            EXPECT_FALSE(right && is_data[at]);
            refused += !right;
        }
    EXPECT_GT(refused, 1000);
}

INSTANTIATE_TEST_SUITE_P(Files, Damage, testing::ValuesIn(kinds), [](const auto& info) {
    return std::string(info.param.name);
});

TEST(LargeFile, ThatIsCutIsSeenAtAThousandPlacesWithoutHashes) {
    const test::TempFolder folder;
    const test::Sample sample({12 << 20, 100, 5 << 20, 3'000'000});
    const std::string path = folder / "file";
    save(path, sample.views);
    const std::uint64_t whole = std::filesystem::file_size(path) - format::terminator_bytes;
    Engine engine;
    LoadOptions options;
    options.verify = Verify::none;
    options.memory = Memory::none;
    for (std::uint64_t place = 1000; place-- > 0;) {
        std::filesystem::resize_file(path, whole * place / 1000);
        const auto error = test::error_of([&] { load(engine, open_file(path), options); });
        ASSERT_TRUE(error) << place;
        EXPECT_EQ(error->kind(), errc::format) << error->what();
    }
}

} // namespace
} // namespace tz
