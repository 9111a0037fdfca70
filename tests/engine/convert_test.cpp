// Tensors from file to file: what is written is loaded again.
#include "every_way.hpp"
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/float_cast.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tz {
namespace {

using format::FileFormat;

MakeTarget to_files(Existing existing = Existing::refused) {
    return [existing](const std::string& path) { return file_target(path, existing); };
}

class Convert : public testing::Test {
protected:
    Convert() {
        engine_options_.chunk_bytes = 256 << 10;
        engine_options_.workers = 2;
    }

    std::string path(const std::string& name) const { return folder_ / name; }

    Converted convert_to(const std::string& name, const std::vector<std::string>& sources) {
        Engine engine(engine_options_);
        std::vector<std::shared_ptr<const Source>> opened;
        for (const std::string& source : sources)
            opened.push_back(open_file(path(source)));
        return convert(engine, opened, path(name), to_files(), options_, load_);
    }

    Loaded load_file(const std::string& name, std::shared_ptr<const format::Secret> key = {}) {
        Engine engine(engine_options_);
        LoadOptions options;
        options.key = std::move(key);
        const auto source = open_file(path(name));
        const bool hashes = read_layout(engine, source).has_headers();
        options.verify = hashes ? Verify::all : Verify::none;
        options.keep_headers = true;
        return load(engine, source, options);
    }

    void expect_sample(const Loaded& loaded) const {
        ASSERT_EQ(loaded.tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i) {
            const auto& name = loaded.layout.tensors[i].name;
            const auto& data = sample_.data[std::stoul(name.substr(1))];
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], data)) << name;
        }
    }

    std::vector<std::string> names_in_folder() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
            names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }

    test::TempFolder folder_;
    test::Sample sample_{{100, 3 << 20, 0, 1'000'001, 17, 70'000, 1, 4096, 0, 12'345, 1 << 20}};
    EngineOptions engine_options_;
    ConvertOptions options_;
    LoadOptions load_;
};

using Names = std::vector<std::string>;

TEST_F(Convert, WritesTheBytesThatASaveOfTheSameTensorsWrites) {
    save(path("a"), sample_.views);
    const Converted converted = convert_to("b", {"a"});
    EXPECT_EQ(test::read_file(path("a")), test::read_file(path("b")));
    EXPECT_EQ(converted.files, Names{path("b")});
    EXPECT_EQ(converted.bytes_written, test::read_file(path("b")).size());
    EXPECT_EQ(converted.lost, Names{});
}

TEST_F(Convert, EncryptsAndDecrypts) {
    save(path("plain"), sample_.views);
    options_.tensors.key = test::sample_key();
    convert_to("sealed", {"plain"});
    expect_sample(load_file("sealed", test::sample_key()));
    load_.key = std::exchange(options_.tensors.key, nullptr);
    convert_to("again", {"sealed"});
    EXPECT_EQ(test::read_file(path("plain")), test::read_file(path("again")));
}

TEST_F(Convert, EncryptsFromAnyPiecesWithAPassword) {
    SaveOptions saving;
    saving.key = load_.key = test::sample_key();
    for (const std::uint64_t piece_bytes : {64u << 10, 192u << 10, 8u << 20}) {
        saving.piece_bytes = piece_bytes; // tiling the chunks, gathered, whole
        const std::string name = "a" + std::to_string(piece_bytes);
        save(path(name), sample_.views, saving);
        options_.tensors.password = test::secret("open sesame");
        options_.tensors.derivation_passes = 1;
        options_.tensors.derivation_memory_bytes = 8 << 10;
        convert_to(name + "b", {name});
        Engine engine(engine_options_);
        LoadOptions options;
        options.password = options_.tensors.password;
        options.verify = Verify::all;
        expect_sample(load(engine, open_file(path(name + "b")), options));
    }
}

TEST_F(Convert, GoesToSafetensorsAndBack) {
    save(path("a.tensors"), sample_.views);
    options_.format = FileFormat::safetensors;
    convert_to("b.safetensors", {"a.tensors"});
    expect_sample(load_file("b.safetensors"));
    options_.format = FileFormat::tensors;
    convert_to("c.tensors", {"b.safetensors"});
    expect_sample(load_file("c.tensors"));
}

TEST_F(Convert, KeepsMetadataOrSaysThatItIsLost) {
    SafetensorsView view;
    const auto data = test::random_bytes(64);
    view.spec = {"w", "F32", {4, 4}, 64};
    view.data = data;
    SaveSafetensorsOptions saving;
    saving.file.metadata = {{"format", "pt"}, {"tied", "lm_head.weight"}};
    save_safetensors(path("a"), {&view, 1}, saving);
    options_.format = FileFormat::safetensors;
    options_.metadata = {{"by", "me"}};
    EXPECT_EQ(convert_to("b", {"a"}).lost, Names{});
    const auto expected = std::vector<std::pair<std::string, std::string>>{
        {"by", "me"}, {"format", "pt"}, {"tied", "lm_head.weight"}};
    EXPECT_EQ(load_file("b").layout.metadata, expected);
    options_.format = FileFormat::tensors;
    const Converted converted = convert_to("c", {"a"});
    ASSERT_EQ(converted.lost.size(), 1u);
    EXPECT_NE(converted.lost.front().find("'tied'"), std::string::npos) << converted.lost.front();
}

TEST_F(Convert, SplitsIntoShardsAndJoinsThem) {
    save(path("a"), sample_.views);
    options_.format = FileFormat::safetensors;
    options_.shard_bytes_max = 2 << 20;
    const Converted split = convert_to("model.safetensors", {"a"});
    const Names shards{
        "model-00001-of-00004.safetensors",
        "model-00002-of-00004.safetensors",
        "model-00003-of-00004.safetensors",
        "model-00004-of-00004.safetensors"};
    Names expected{"a"};
    expected.insert(expected.end(), shards.begin(), shards.end());
    expected.emplace_back("model.safetensors.index.json");
    EXPECT_EQ(names_in_folder(), expected);
    EXPECT_EQ(split.files.back(), path("model.safetensors.index.json"));
    options_.format = FileFormat::tensors;
    options_.shard_bytes_max.reset();
    convert_to("joined", shards);
    expect_sample(load_file("joined"));
}

TEST_F(Convert, NumbersFilesWhereTheNameSays) {
    save(path("a"), std::span(sample_.views).first(4));
    save(path("b"), std::span(sample_.views).subspan(4));
    options_.tensors.key = test::sample_key();
    const Converted converted = convert_to("model-%03d.tensors", {"a", "b"});
    EXPECT_EQ(converted.files, (Names{path("model-000.tensors"), path("model-001.tensors")}));
    EXPECT_EQ(load_file("model-001.tensors", test::sample_key()).tensors.size(), 7u);
}

TEST_F(Convert, CastsFloatsAlone) {
    std::vector<float> floats(300'000);
    for (std::size_t i = 0; i < floats.size(); ++i)
        floats[i] = static_cast<float>(i) * 1.001F - 150'000.0F;
    TensorView view;
    view.data = std::as_bytes(std::span(floats));
    view.spec = {"f", format::TensorKind::state, "<f4", {3, 100'000}, view.data.size()};
    sample_.views.push_back(view);
    save(path("a"), sample_.views);
    options_.floats = format::FloatType::bfloat16;
    options_.tensors.key = test::sample_key(); // pieces shrink with their tensor
    convert_to("b", {"a"});
    load_.key = options_.tensors.key;
    options_.floats = format::FloatType::float64;
    convert_to("c", {"b"});
    const Loaded loaded = load_file("c", options_.tensors.key);
    EXPECT_EQ(loaded.layout.tensors.back().dtype.name, "float64");
    EXPECT_EQ(loaded.layout.tensors.back().shape, (std::vector<std::uint64_t>{3, 100'000}));
    ASSERT_EQ(loaded.tensors.back().size(), 8 * floats.size());
    for (std::size_t i = 0; i < floats.size(); ++i) {
        double got = 0;
        std::memcpy(&got, loaded.tensors.back().data() + 8 * i, 8);
        const auto bits = std::bit_cast<std::uint32_t>(floats[i]);
        const std::uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
        ASSERT_EQ(got, double{std::bit_cast<float>(rounded & 0xffff0000)}) << i;
    }
    EXPECT_EQ(loaded.layout.tensors.front().dtype.name, "uint8");
}

TEST_F(Convert, SealsShardsOfShrunkenFloats) {
    const auto floats = test::random_bytes(3 << 20);
    std::vector<TensorView> views(3);
    for (std::size_t i = 0; i < views.size(); ++i) {
        views[i].data = floats;
        views[i].spec.name = "f" + std::to_string(i);
        views[i].spec.dtype_code = "<f8";
        views[i].spec.shape = {floats.size() / 8};
        views[i].spec.bytes = floats.size();
    }
    save(path("a"), views);
    options_.floats = format::FloatType::float16;
    options_.shard_bytes_max = 1 << 20;
    options_.tensors.key = test::sample_key();
    const Converted converted = convert_to("m.tensors", {"a"});
    ASSERT_EQ(converted.files.size(), 3u);
    for (const std::string& file : converted.files) {
        const auto loaded = load_file(file.substr(file.rfind('/') + 1), test::sample_key());
        EXPECT_EQ(loaded.tensors.front().size(), floats.size() / 4);
    }
}

TEST_F(Convert, RefusesPiecesThatNoPartHolds) {
    save(path("a"), sample_.views);
    options_.tensors.key = test::sample_key();
    options_.tensors.piece_bytes = 96 << 10;
    EXPECT_EQ(test::error_of([&] { convert_to("b", {"a"}); })->kind(), errc::usage);
    options_.tensors.piece_bytes = 32 << 10;
    convert_to("b", {"a"});
    expect_sample(load_file("b", test::sample_key()));
}

TEST_F(Convert, TakesWhatIsSelected) {
    save(path("a"), sample_.views);
    load_.selection.include = {"t1*"};
    convert_to("b", {"a"});
    EXPECT_EQ(load_file("b").tensors.size(), 2u);
}

TEST_F(Convert, NeverReplacesAFileUnasked) {
    save(path("a"), sample_.views);
    test::write_file(path("b"), test::random_bytes(10));
    const auto error = test::error_of([&] { convert_to("b", {"a"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(error->source(), path("b"));
    EXPECT_EQ(names_in_folder(), (Names{"a", "b"}));
}

TEST_F(Convert, LeavesNothingOfADamagedSource) {
    save(path("a"), sample_.views);
    auto bytes = test::read_file(path("a"));
    bytes[bytes.size() - 100] ^= std::byte{1};
    test::write_file(path("a"), bytes);
    const auto error = test::error_of([&] { convert_to("b", {"a"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::integrity);
    EXPECT_EQ(error->source(), path("a"));
    EXPECT_EQ(names_in_folder(), Names{"a"});
}

TEST_F(Convert, RefusesWhatTheFormatLacks) {
    const auto data = test::random_bytes(160);
    TensorView view;
    view.data = data;
    view.spec = {"z", format::TensorKind::state, "<c16", {10}, 160};
    save(path("a"), {&view, 1});
    options_.format = FileFormat::safetensors;
    const auto error = test::error_of([&] { convert_to("b", {"a"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::unsupported);
    EXPECT_NE(std::string(error->what()).find("'z'"), std::string::npos);
    options_.tensors.key = test::sample_key();
    EXPECT_EQ(test::error_of([&] { convert_to("b", {"a"}); })->kind(), errc::usage);
}

TEST_F(Convert, RunsWithoutARingAndOnSeveralLoops) {
    save(path("a"), sample_.views);
    engine_options_.io = Io::threads;
    engine_options_.loops = 2;
    convert_to("b", {"a"});
    EXPECT_EQ(test::read_file(path("a")), test::read_file(path("b")));
}

} // namespace
} // namespace tz
