#include <tz/engine/load.hpp>
#include <tz/engine/save.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <utility>

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
    for (const std::uint64_t alignment : {0, 1, 64, 4096, 1 << 20}) {
        SaveOptions options;
        if (alignment != 0)
            options.alignment = alignment;
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

TEST(Save, AlignsEverythingAsAsked) {
    const test::TempFolder folder;
    const test::Sample sample(sizes);
    for (const std::uint64_t alignment : {64, 512, 4096}) {
        SaveOptions options;
        options.alignment = alignment;
        save(folder / "file", sample.views, options);
        Engine engine;
        const auto layout = read_layout(engine, open_file(folder / "file"));
        for (const auto& tensor : layout.tensors)
            if (tensor.bytes > 0) {
                EXPECT_EQ(tensor.data.offset % alignment, 0u);
            }
    }
}

TEST(Save, PacksLikePipWhereAskedTo) {
    const test::TempFolder folder;
    const test::Sample sample({2});
    SaveOptions options;
    options.alignment = 1;
    save(folder / "file", sample.views, options);
    // magic, file header, region, tensor header, data, terminator: tensors-format's own sum
    EXPECT_EQ(std::filesystem::file_size(folder / "file"), 73 + 262144 + (66 + 2 + 3 + 4) + 2 + 8u);
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

SaveOptions with_password() {
    SaveOptions options;
    options.password = test::secret("p\u00e4ssword 123");
    options.derivation_passes = 2;
    options.derivation_memory_bytes = 1 << 20;
    return options;
}

TEST(Save, EncryptsWithAKeyDerivedFromAPassword) {
    const test::TempFolder folder;
    const test::Sample sample(sizes);
    const auto before = sample.data;
    save(folder / "file", sample.views, with_password());
    EXPECT_EQ(sample.data, before);
    LoadOptions options;
    options.password = with_password().password;
    options.verify = Verify::sha256;
    options.keep_headers = true;
    expect_same(folder / "file", sample, options);
    Engine engine;
    const Loaded loaded = load(engine, open_file(folder / "file"), options);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        ASSERT_EQ(loaded.headers[i].seal.has_value(), sizes[i] > 0);
        if (sizes[i] == 0)
            continue;
        const auto& derivation = loaded.headers[i].seal->derivation;
        ASSERT_TRUE(derivation);
        EXPECT_EQ(derivation->passes, 2u);
        EXPECT_EQ(derivation->memory_bytes, 1u << 20);
        EXPECT_EQ(derivation, loaded.headers[0].seal->derivation); // one for the file
    }
}

TEST(Save, TakesNewSaltsAndNoncesEachTime) {
    const test::TempFolder folder;
    const test::Sample sample({10, 10});
    std::vector<format::Seal> seals;
    for (const char* name : {"one", "two"}) {
        save(folder / name, sample.views, with_password());
        LoadOptions options;
        options.password = with_password().password;
        options.keep_headers = true;
        Engine engine;
        for (const auto& header : load(engine, open_file(folder / name), options).headers)
            seals.push_back(*header.seal);
    }
    EXPECT_NE(seals[0].derivation->salt, seals[2].derivation->salt);
    for (std::size_t i = 0; i < seals.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(seals[i].nonce, seals[j].nonce);
}

TEST(Save, RefusesOptionsThatCannotBe) {
    struct Case {
        const char* text;
        errc kind;
        void (*change)(SaveOptions&);
    };

    const std::vector<Case> cases{
        {"both a key and a password",
         errc::usage,
         [](SaveOptions& options) { options.key = test::sample_key(); }},
        {"the password is empty",
         errc::usage,
         [](SaveOptions& options) { options.password = test::secret(""); }},
        {"a key has 32 bytes, not 2",
         errc::usage,
         [](SaveOptions& options) { options.key = std::exchange(options.password, {}); }},
        {"out of Argon2id's range",
         errc::usage,
         [](SaveOptions& options) { options.derivation_passes = 0; }},
        {"out of Argon2id's range",
         errc::usage,
         [](SaveOptions& options) { options.derivation_memory_bytes = 8191; }},
        {"takes 17 passes, the limit is 16",
         errc::limit,
         [](SaveOptions& options) { options.derivation_passes = 17; }},
        {"take fewer passes or less memory",
         errc::limit,
         [](SaveOptions& options) { options.derivation_memory_bytes = UINT64_MAX; }},
        {"power of two", errc::usage, [](SaveOptions& options) { options.alignment = 3; }},
        {"leaves no choice",
         errc::usage,
         [](SaveOptions& options) {
             options.like_pip = true;
             options.alignment = 64;
         }},
    };
    const test::TempFolder folder;
    const test::Sample sample({10});
    for (const Case& each : cases) {
        SCOPED_TRACE(each.text);
        SaveOptions options = with_password();
        options.password = test::secret("pw");
        each.change(options);
        const auto error = test::error_of([&] { save(folder / "file", sample.views, options); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), each.kind);
        EXPECT_NE(std::string(error->what()).find(each.text), std::string::npos) << error->what();
        EXPECT_EQ(error->source(), folder / "file");
        EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    }
}

TEST(Save, WritesMetaTensorsWithoutDataAndScalarOnesAsZeros) {
    const test::TempFolder folder;
    test::Sample sample({0, 0, 10});
    for (std::size_t i : {0, 1}) {
        sample.views[i].spec.dtype_code = "<c16";
        sample.views[i].spec.meta = true;
        sample.views[i].spec.shape =
            i == 0 ? std::vector<std::uint64_t>{3} : std::vector<std::uint64_t>{};
        sample.views[i].spec.bytes = i == 0 ? 48 : 16;
        sample.data[i].resize(sample.views[i].spec.bytes);
    }
    sample.views[1].spec.module_index = 7;
    for (const bool encrypted : {false, true}) {
        SaveOptions options;
        LoadOptions load_options;
        load_options.verify = Verify::sha256;
        load_options.keep_headers = true;
        if (encrypted)
            options.key = load_options.key = test::sample_key();
        save(folder / "file", sample.views, options);
        expect_same(folder / "file", sample, load_options);
        Engine engine;
        const Loaded loaded = load(engine, open_file(folder / "file"), load_options);
        EXPECT_TRUE(loaded.layout.tensors[0].meta());
        EXPECT_EQ(loaded.layout.tensors[1].data.bytes, 16u);
        EXPECT_EQ(loaded.layout.version, 4u);
        EXPECT_EQ(loaded.headers[1].module_index, 7u);
    }
}

TEST(Save, RefusesDataThatIsNotAsLongAsItsSpecSays) {
    const test::TempFolder folder;
    test::Sample sample({10, 10});
    sample.views[1].data = sample.views[1].data.first(9);
    const auto short_data = test::error_of([&] { save(folder / "file", sample.views); });
    ASSERT_TRUE(short_data);
    EXPECT_EQ(short_data->kind(), errc::usage);
    EXPECT_NE(std::string(short_data->what()).find("'t1'"), std::string::npos);
    sample.views[1].data = sample.data[1];
    sample.views[1].spec.meta = true; // which has no data
    EXPECT_TRUE(test::error_of([&] { save(folder / "file", sample.views); }));
}

TEST(Save, WritesAHundredThousandTensors) {
    const test::TempFolder folder;
    const test::Sample sample(std::vector<std::size_t>(100'000, 3));
    save(folder / "file", sample.views);
    LoadOptions options;
    options.verify = Verify::sha256;
    expect_same(folder / "file", sample, options);
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
