#include <tz/engine/load.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/protocols/model.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace tz {
namespace {

namespace fs = std::filesystem;

const std::vector<std::size_t> sizes{5, 0, 3 << 20, 1, 100'000, (4 << 20) + 7, 4096};

class SaveSafetensors : public testing::Test {
protected:
    SaveSafetensors() {
        for (const TensorView& view : sample_.views)
            views_.push_back(
                {{view.spec.name, "U8", {view.data.size()}, view.data.size()}, view.data});
    }

    /// Everything that an address stands for, by name.
    void expect_model(const std::string& address) {
        Engine engine;
        const std::vector<std::string> addresses{address};
        const Model model = open_model(engine, addresses);
        LoadOptions options;
        options.check_layouts = model.check;
        const LoadedFiles loaded = load(engine, model.sources, options);
        std::map<std::string, std::span<const std::byte>> all;
        for (const LoadedFile& file : loaded.files)
            for (std::size_t i = 0; i < file.tensors.size(); ++i)
                all[format::display_name(file.layout.tensors[i].name)] = file.tensors[i];
        ASSERT_EQ(all.size(), views_.size());
        for (const SafetensorsView& view : views_)
            EXPECT_TRUE(std::ranges::equal(all[view.spec.name], view.data)) << view.spec.name;
    }

    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder_ / ""))
            found.push_back(entry.path().filename().string());
        std::ranges::sort(found);
        return found;
    }

    const test::TempFolder folder_;
    const test::Sample sample_{sizes};
    std::vector<SafetensorsView> views_;
};

TEST_F(SaveSafetensors, WritesWhatLoadReads) {
    for (const std::uint64_t alignment : {8, 4096}) {
        SaveSafetensorsOptions options;
        options.file.alignment = alignment;
        options.file.metadata = {{"format", "pt"}};
        const auto paths = save_safetensors(folder_ / "m.safetensors", views_, options);
        EXPECT_EQ(paths, std::vector{folder_ / "m.safetensors"});
        expect_model(folder_ / "m.safetensors");
        EXPECT_EQ(names(), std::vector<std::string>{"m.safetensors"});
    }
}

TEST_F(SaveSafetensors, CutsAModelIntoShardsThatTheirListFits) {
    SaveSafetensorsOptions options;
    options.shard_bytes_max = 3 << 20;
    const auto paths = save_safetensors(folder_ / "m.safetensors", views_, options);
    const std::vector<std::string> expected{
        "m-00001-of-00005.safetensors",
        "m-00002-of-00005.safetensors",
        "m-00003-of-00005.safetensors",
        "m-00004-of-00005.safetensors",
        "m-00005-of-00005.safetensors",
        "m.safetensors.index.json"};
    EXPECT_EQ(names(), expected);
    EXPECT_EQ(paths.back(), folder_ / expected.back());
    expect_model(paths.back());
    expect_model(folder_ / "");
}

TEST_F(SaveSafetensors, LeavesOldFilesWhereItFails) {
    save_safetensors(folder_ / "m.safetensors", views_);
    views_.push_back(views_.front()); // the same name
    SaveSafetensorsOptions sharded;
    sharded.shard_bytes_max = 1 << 20;
    for (const SaveSafetensorsOptions& options : {SaveSafetensorsOptions(), sharded}) {
        const auto error =
            test::error_of([&] { save_safetensors(folder_ / "m.safetensors", views_, options); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::usage);
        EXPECT_TRUE(error->source().starts_with(folder_ / "m.safetensors")) << error->what();
        EXPECT_EQ(names(), std::vector<std::string>{"m.safetensors"});
    }
    views_.pop_back();
    expect_model(folder_ / "m.safetensors");
}

TEST_F(SaveSafetensors, LeavesNothingWhereOneOfTheShardsCannotBe) {
    fs::create_directory(folder_ / "m-00003-of-00005.safetensors");
    SaveSafetensorsOptions options;
    options.shard_bytes_max = 3 << 20;
    const auto error =
        test::error_of([&] { save_safetensors(folder_ / "m.safetensors", views_, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(names(), std::vector<std::string>{"m-00003-of-00005.safetensors"});
}

TEST_F(SaveSafetensors, RefusesDataThatIsNotAsLongAsItsSpecSays) {
    views_[2].data = views_[2].data.first(10);
    EXPECT_TRUE(test::error_of([&] { save_safetensors(folder_ / "m", views_); }));
    EXPECT_TRUE(names().empty());
}

} // namespace
} // namespace tz
