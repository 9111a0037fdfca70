#include "http_load.hpp"
#include <tz/protocols/model.hpp>
#include <tz/tests/support/few_descriptors.hpp>
#include <tz/tests/support/safetensors.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <filesystem>

namespace tz {
namespace {

namespace fs = std::filesystem;

constexpr const char* list = "model.safetensors.index.json";

/// A model of two shards: tensors t0 and t1 in one, t2 in the other.
struct OpenModel : test::HttpLoad {
    test::Sample sample_{{1000, 300'000, 70'000}};
    std::vector<std::vector<std::byte>> shards_;
    std::string text_ = R"({"weight_map":{"t2":"m 2.safetensors","t0":"m 1.safetensors",)"
                        R"("t1":"m 1.safetensors"}})";
    Engine engine_;

    void SetUp() override {
        const std::vector<TensorView> first(sample_.views.begin(), sample_.views.begin() + 2);
        const std::vector<TensorView> second(sample_.views.begin() + 2, sample_.views.end());
        shards_ = {test::safetensors_of(first), test::safetensors_of(second)};
        fs::create_directory(folder_ / "model");
    }

    std::span<const std::byte> text() const { return std::as_bytes(std::span(text_)); }

    void write(const std::string& name, std::span<const std::byte> bytes) const {
        test::write_file((folder_ / "model") + "/" + name, bytes);
    }

    void write_model() const {
        write("m 1.safetensors", shards_[0]);
        write("m 2.safetensors", shards_[1]);
        write(list, text());
    }

    LoadedFiles load(const std::vector<std::string>& addresses) {
        const Model model =
            open_model(engine_, addresses, network_, Direct::automatic, logged_.log());
        LoadOptions options;
        options.check_layouts = model.check;
        return tz::load(engine_, model.sources, options);
    }

    void expect_model(const LoadedFiles& loaded) const {
        ASSERT_EQ(loaded.files.size(), 2u);
        ASSERT_EQ(loaded.files[0].tensors.size(), 2u);
        EXPECT_TRUE(std::ranges::equal(loaded.files[0].tensors[1], sample_.data[1]));
        EXPECT_TRUE(std::ranges::equal(loaded.files[1].tensors[0], sample_.data[2]));
    }

    void expect_error(errc kind, const std::string& address, const std::string& says) {
        const auto error = test::error_of([&] { load({address}); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), kind) << error->what();
        EXPECT_NE(std::string(error->what()).find(says), std::string::npos) << error->what();
        EXPECT_NE(std::string(error->what()).find("model"), std::string::npos) << error->what();
    }
};

TEST_F(OpenModel, TakesAListOfShardsAndItsFolder) {
    write_model();
    write("other.safetensors", shards_[1]); // not in the list
    const std::string folder = folder_ / "model";
    for (const std::string& address :
         {folder, folder + "/", folder + "/" + list, "file://" + folder})
        expect_model(load({address}));
}

TEST_F(OpenModel, SaysWhatToDoAboutAFolderThatCannotBeRead) {
    if (test::sanitized)
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through a pipe";
    write_model();
    const std::string folder = folder_ / "model";
    const auto error = test::error_of([&] {
        const test::FewDescriptors none(0);
        load({folder});
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::io) << error->what();
    EXPECT_EQ(error->hint(), "raise the limit of open files (ulimit -n)");
}

TEST_F(OpenModel, TakesTheFilesOfAFolderWithoutAList) {
    write("b.safetensors", shards_[1]);
    write("a.safetensors", shards_[0]);
    write(".c.safetensors", {});
    write("x.tensors", {});
    fs::create_directory((folder_ / "model") + "/d.safetensors");
    expect_model(load({folder_ / "model"}));
}

TEST_F(OpenModel, TakesTensorsFilesWhereThereIsNothingElse) {
    save((folder_ / "model") + "/b.tensors", sample_.views);
    save((folder_ / "model") + "/a.tensors", sample_.views);
    write("config.json", {});
    const LoadedFiles loaded = load({folder_ / "model"});
    ASSERT_EQ(loaded.files.size(), 2u);
    expect_same(loaded.files[0], sample_);
}

TEST_F(OpenModel, TakesSeveralAtOnce) {
    write_model();
    test::write_file(folder_ / "one", shards_[1]);
    const LoadedFiles loaded =
        load({folder_ / "one", folder_ / "model", (folder_ / "model") + "/" + list});
    ASSERT_EQ(loaded.files.size(), 5u);
    EXPECT_EQ(loaded.files[1].tensors.size(), 2u);
    EXPECT_EQ(loaded.files[4].tensors.size(), 1u);
}

TEST_F(OpenModel, RefusesFoldersThatSayNothing) {
    expect_error(errc::not_found, folder_ / "model", "no *.safetensors.index.json");
    write("a.safetensors.index.json", text());
    write("b.safetensors.index.json", text());
    expect_error(errc::usage, folder_ / "model", "2 lists of shards");
    expect_error(errc::not_found, folder_ / "no model", "No such file");
}

TEST_F(OpenModel, MissesShardsThatAreNotThere) {
    write(list, text());
    write("m 2.safetensors", shards_[1]);
    expect_error(errc::not_found, folder_ / "model", "m 1.safetensors");
    fs::create_symlink("m 1.safetensors", (folder_ / "model") + "/m 1.safetensors"); // a cycle
    const auto error = test::error_of([&] { load({folder_ / "model"}); });
    ASSERT_TRUE(error);
    fs::remove((folder_ / "model") + "/" + list);
    EXPECT_TRUE(test::error_of([&] { load({folder_ / "model"}); }));
}

TEST_F(OpenModel, RefusesAListThatIsNoneOrLeadsElsewhere) {
    write_model();
    for (const char* broken : {"", "{}", "[]", "<html>", R"({"weight_map":{"t0":"../x"}})"}) {
        text_ = broken;
        write(list, text());
        expect_error(errc::format, folder_ / "model", list);
    }
}

TEST_F(OpenModel, RefusesShardsThatAreNotWhatTheListSays) {
    text_ =
        R"({"weight_map":{"t0":"m 1.safetensors","t1":"m 2.safetensors","t2":"m 2.safetensors"}})";
    write_model();
    expect_error(errc::format, folder_ / "model", "tensor 't1' is in m 1.safetensors");
}

TEST_F(OpenModel, FetchesListAndShardsFromAServer) {
    test::HttpServer server;
    server.put(std::string("/models/") + list, test::held_object({text().begin(), text().end()}));
    server.put("/models/m%201.safetensors", test::held_object(shards_[0]));
    server.put("/models/m%202.safetensors", test::held_object(shards_[1]));
    const std::string url = server.url(std::string("/models/") + list);
    expect_model(load({url}));
    expect_model(load({url + "?token=secret#part"}));
    server.put("/models/broken.index.json", test::held_object(std::vector<std::byte>(10)));
    expect_error(errc::format, server.url("/models/broken.index.json"), "broken.index.json");
    expect_error(errc::not_found, server.url("/models/none.index.json"), "none.index.json");
}

TEST_F(OpenModel, FetchesListAndShardsFromS3) {
    test::HttpServer server;
    network_.s3.endpoint_url = server.url("", "");
    network_.s3.no_sign_request = true;
    server.put(
        std::string("/bucket/models/") + list, test::held_object({text().begin(), text().end()}));
    server.put("/bucket/models/m%201.safetensors", test::held_object(shards_[0]));
    server.put("/bucket/models/m%202.safetensors", test::held_object(shards_[1]));
    expect_model(load({std::string("s3://bucket/models/") + list}));
}

} // namespace
} // namespace tz
