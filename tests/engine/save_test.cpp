#include <tz/engine/load.hpp>
#include <tz/engine/save.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sys/stat.h>

namespace tz {
namespace {

const std::vector<std::size_t> sizes{5, 0, 3 << 20, 1, 100'000, (4 << 20) + 7};

void expect_same(const std::string& path, const test::Sample& sample, const LoadOptions& options) {
    Engine engine;
    const Loaded loaded = load(engine, open_file(path), options);
    ASSERT_EQ(loaded.tensors.size(), sample.data.size());
    for (std::size_t i = 0; i < sample.data.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
}

TEST(Save, WritesWhatLoadReads) {
    const test::TempFolder folder;
    const test::Sample sample(sizes);
    for (const bool aligned : {true, false}) {
        SaveOptions options;
        options.aligned = aligned;
        save(folder / "file", sample.views, options);
        LoadOptions load_options;
        load_options.verify = Verify::all;
        expect_same(folder / "file", sample, load_options);
    }
}

TEST(Save, HashesAnyNumberOfTensors) {
    const test::TempFolder folder;
    for (const std::size_t count : {1, 3, 15, 16, 17, 50}) {
        std::vector<std::size_t> unequal;
        unequal.reserve(count);
        for (std::size_t i = 0; i < count; ++i)
            unequal.push_back(i % 4 == 0 ? 300'000 : 100 * i);
        const test::Sample sample(unequal);
        save(folder / "file", sample.views);
        for (const Verify verify : {Verify::crc32, Verify::sha256}) {
            LoadOptions options;
            options.verify = verify;
            expect_same(folder / "file", sample, options);
        }
    }
}

TEST(Save, EncryptsWithoutTouchingTheCallersMemory) {
    const test::TempFolder folder;
    const test::Sample sample(sizes);
    const auto before = sample.data;
    SaveOptions options;
    options.key = test::sample_key();
    save(folder / "file", sample.views, options);
    EXPECT_EQ(sample.data, before);
    const auto bytes = test::read_file(folder / "file");
    const auto& plain = sample.data[2];
    EXPECT_EQ(
        std::search(bytes.begin(), bytes.end(), plain.begin(), plain.begin() + 64), bytes.end());
    LoadOptions load_options;
    load_options.key = test::sample_key();
    load_options.verify = Verify::sha256;
    expect_same(folder / "file", sample, load_options);
}

TEST(Save, AlignsLargeTensorsForDirectReads) {
    const test::TempFolder folder;
    const test::Sample sample(sizes);
    save(folder / "file", sample.views);
    Engine engine;
    const auto layout = read_layout(engine, open_file(folder / "file"));
    for (const auto& tensor : layout.tensors)
        if (tensor.bytes > 0) {
            EXPECT_EQ(tensor.data.offset % (tensor.bytes >= 1 << 20 ? 4096 : 64), 0u);
        }
}

TEST(Save, GivesAnEmptyOpaqueTensorTheByteThatPipNeeds) {
    const test::TempFolder folder;
    test::Sample sample({0, 10});
    sample.views[0].spec.dtype_code = std::string("<V2\0torch.bfloat16", 18);
    for (const bool encrypted : {false, true}) {
        SaveOptions options;
        LoadOptions load_options;
        load_options.verify = Verify::sha256;
        if (encrypted)
            options.key = load_options.key = test::sample_key();
        save(folder / "file", sample.views, options);
        expect_same(folder / "file", sample, load_options);
    }
}

TEST(Save, LeavesNothingBehindWhenItFails) {
    const test::TempFolder folder;
    test::Sample sample({10, 10});
    sample.views[1].spec.name = sample.views[0].spec.name; // no format can hold that
    test::write_file(folder / "file", test::random_bytes(10));
    const auto error = test::error_of([&] { save(folder / "file", sample.views); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(error->source(), folder / "file");
    EXPECT_EQ(test::read_file(folder / "file"), test::random_bytes(10));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Save, NamesAMissingFolder) {
    const test::TempFolder folder;
    const test::Sample sample({10});
    const auto error = test::error_of([&] { save(folder / "none/file", sample.views); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::not_found);
}

TEST(Save, GivesTheFileTheUsersOwnMode) {
    const test::TempFolder folder;
    const test::Sample sample({10});
    const mode_t before = ::umask(027);
    save(folder / "file", sample.views);
    ::umask(before);
    struct ::stat stat{};
    ASSERT_EQ(::stat((folder / "file").c_str(), &stat), 0);
    EXPECT_EQ(stat.st_mode & 0777, 0640u);
}

} // namespace
} // namespace tz
