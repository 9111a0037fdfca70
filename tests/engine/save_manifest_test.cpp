// Manifests that files get while they are written, by tz::save and tz::convert.
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/manifest_make.hpp>
#include <tz/engine/manifest_write.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/tensorizer_append.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/kept_target.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/pem_keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace tz {
namespace {

using format::Requirement;

std::shared_ptr<const format::SigningKey> signing_key() {
    const std::string_view pem = test::private_pem;
    return std::make_shared<const format::SigningKey>(
        format::parse_signing_key(std::as_bytes(std::span(pem))));
}

SaveOptions with_manifest() {
    SaveOptions options;
    options.manifest.emplace();
    return options;
}

std::uint64_t index_bytes_of(const std::string& path) {
    Engine engine;
    return read_layout(engine, open_file(path)).index_bytes;
}

class SaveManifestTest : public testing::Test {
protected:
    std::string path(const std::string& name) const { return folder_ / name; }

    /// Takes the manifest out of the file and puts the one in that is made of what is there, signed
    /// by the same.
    void make_anew(
        const std::string& path,
        const ManifestWish& wish,
        const std::shared_ptr<const format::Secret>& key) {
        write_inside(path, find_place(engine_, open_file(path)), {});
        const std::shared_ptr<const Source> file = open_file(path);
        const FoundManifest found = find_place(engine_, file);
        ASSERT_FALSE(found.inside);
        ManifestContent content;
        content.subject = wish.subject;
        content.piece_bytes = 0;
        format::Manifest manifest = make_manifest(engine_, file, found, content);
        if (key)
            add_signature(manifest, format::sign(manifest.root, *key));
        if (wish.signing_key)
            add_signature(manifest, format::sign(manifest.root, *wish.signing_key));
        write_inside(path, found, write_manifest(manifest));
    }

    void expect_as_if_added(const std::string& path, const SaveOptions& options) {
        const auto written = test::read_file(path);
        LoadOptions waiting;
        waiting.key = options.key;
        waiting.password = options.password;
        make_anew(path, *options.manifest, file_key(engine_, open_file(path), waiting));
        EXPECT_EQ(written, test::read_file(path));
    }

    std::shared_ptr<const CheckedManifest> check(
        const std::shared_ptr<const Source>& file,
        const Requirement& require = {},
        std::shared_ptr<const format::Secret> key = {}) {
        ManifestOptions options;
        options.require = require;
        options.waiting.key = std::move(key);
        return check_manifest(engine_, {file}, options);
    }

    /// A load that demands the manifest, and takes its word for what hashes and MACs are right.
    void load_by_manifest(const std::string& path, std::shared_ptr<const format::Secret> key = {}) {
        const auto file = open_file(path);
        ManifestOptions options;
        options.contents = false;
        LoadOptions loading;
        loading.key = std::move(key);
        loading.manifests = {check_manifest(engine_, {file}, options)};
        ASSERT_TRUE(loading.manifests.front());
        load(engine_, file, loading);
    }

    Converted convert_to(
        const std::string& name, const MakeTarget& make_target, const ConvertOptions& options) {
        const std::shared_ptr<const Source> source = open_file(path("source"));
        return convert(engine_, {&source, 1}, path(name), make_target, options);
    }

    test::TempFolder folder_;
    test::Sample small_{{5, 0, 100'000, 1}};
    test::Sample large_{{5, 0, 9 << 20, 1, (8 << 20) + 7, 70'000}}; // lanes write it
    Engine engine_;
};

MakeTarget to_files() {
    return [](const std::string& path) { return file_target(path, Existing::refused); };
}

TEST_F(SaveManifestTest, IsTheOneThatWouldBeAddedToTheFile) {
    for (const test::Sample* sample : {&small_, &large_}) {
        for (const bool sealed : {false, true}) {
            for (const bool is_signed : {false, true}) {
                SaveOptions options = with_manifest();
                if (sealed)
                    options.key = test::sample_key();
                if (is_signed) {
                    options.manifest->signing_key = signing_key();
                    options.manifest->subject = format::subject_of("org/model@1");
                }
                save(path("a"), sample->views, options);
                expect_as_if_added(path("a"), options);
                load_by_manifest(path("a"), options.key);
            }
        }
    }
}

TEST_F(SaveManifestTest, OfAConvertedFileIsTheOneThatWouldBeAdded) {
    save(path("source"), large_.views);
    for (const bool sealed : {false, true}) {
        ConvertOptions options;
        options.tensors = with_manifest();
        if (sealed)
            options.tensors.key = test::sample_key();
        const std::string name = sealed ? "sealed" : "plain";
        const Converted converted = convert_to(name, to_files(), options);
        ASSERT_EQ(converted.manifests.size(), 1u);
        const auto checked = check(open_file(path(name)));
        EXPECT_EQ(converted.manifests.front().root, checked->manifest.root);
        expect_as_if_added(path(name), options.tensors);
    }
}

TEST_F(SaveManifestTest, IsSignedByTheFilesKeyAndBySigners) {
    SaveOptions options = with_manifest();
    options.password = test::secret("pw");
    options.derivation_passes = 1;
    options.derivation_memory_bytes = 8192;
    options.manifest->signing_key = signing_key();
    options.manifest->subject = format::subject_of("org/model@1");
    save(path("a"), small_.views, options);
    ManifestOptions required;
    required.require.kind = Requirement::Kind::file_key;
    required.require.subject = format::subject_of("org/model@1");
    required.waiting.password = options.password;
    EXPECT_TRUE(check_manifest(engine_, {open_file(path("a"))}, required));
    required.waiting.password = test::secret("other");
    EXPECT_EQ(
        test::error_of([&] { check_manifest(engine_, {open_file(path("a"))}, required); })->kind(),
        errc::auth);
    Requirement by_key;
    by_key.kind = Requirement::Kind::public_key;
    by_key.public_key = signing_key()->public_key();
    EXPECT_TRUE(check(open_file(path("a")), by_key));
}

TEST_F(SaveManifestTest, HasRoomInASmallRegionHoweverManyTensors) {
    for (const std::size_t tensors : {1, 20'000}) {
        const test::Sample sample{std::vector<std::size_t>(tensors, 1)};
        SaveOptions options;
        options.region_bytes_min = 0;
        save(path("a"), sample.views, options);
        options.manifest.emplace();
        options.region_reserve = 17;
        save(path("b"), sample.views, options);
        const std::uint64_t bytes = format::manifest_bytes(tensors, 0, {});
        EXPECT_EQ(index_bytes_of(path("b")), index_bytes_of(path("a")) + 17 + bytes);
        EXPECT_EQ(check(open_file(path("b")))->manifest.headers.size(), tensors);
    }
}

TEST_F(SaveManifestTest, ChangesNothingElse) {
    save(path("a"), small_.views);
    save(path("b"), small_.views, with_manifest());
    write_inside(path("b"), find_place(engine_, open_file(path("b"))), {});
    EXPECT_EQ(test::read_file(path("a")), test::read_file(path("b")));
}

TEST_F(SaveManifestTest, RefusesEachFlippedByteOfIndexAndHeaders) {
    for (const bool sealed : {false, true}) {
        SaveOptions options = with_manifest();
        options.key = sealed ? test::sample_key() : nullptr;
        save(path("a"), test::Sample({5, 0, 2000}).views, options);
        auto bytes = test::read_file(path("a"));
        const auto whole = check(open_file(path("a")));
        Requirement require;
        require.kind = Requirement::Kind::root;
        require.root = whole->manifest.root;
        const auto expect_refused = [&](std::uint64_t begin, std::uint64_t end) {
            for (std::uint64_t at = begin; at < end; ++at) {
                bytes[at] ^= std::byte{1};
                const auto source = std::make_shared<test::MemorySource>(bytes);
                EXPECT_TRUE(test::error_of([&] { check(source, require); })) << at;
                bytes[at] ^= std::byte{1};
            }
        };
        expect_refused(0, format::entries_end(whole->layout));
        if (!sealed) // signatures are nothing that a root says anything of
            expect_refused(
                whole->layout.index_bytes - format::manifest_bytes(3, 0, {}),
                whole->layout.index_bytes);
        for (const format::Tensor& tensor : whole->layout.tensors)
            expect_refused(tensor.header.offset, tensor.header.end());
    }
}

TEST_F(SaveManifestTest, IsInEachShard) {
    save(path("source"), large_.views);
    ConvertOptions options;
    options.tensors = with_manifest();
    options.shard_bytes_max = 9 << 20;
    const Converted converted = convert_to("m.tensors", to_files(), options);
    ASSERT_EQ(converted.files.size(), 3u);
    ASSERT_EQ(converted.manifests.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto checked = check(open_file(converted.files[i]));
        ASSERT_TRUE(checked);
        EXPECT_TRUE(checked->headers_checked);
        EXPECT_EQ(checked->manifest.root, converted.manifests[i].root);
    }
}

TEST_F(SaveManifestTest, ComesToTargetsOfPartsToo) {
    save(path("source"), large_.views);
    ConvertOptions options;
    options.tensors = with_manifest();
    convert_to("file", to_files(), options);
    for (const std::uint64_t part_bytes : {64 << 10, 1 << 20, 5 << 20}) {
        const auto target = std::make_shared<test::KeptTarget>();
        target->part_bytes = part_bytes;
        const auto make_target = [&target](const std::string&) { return target; };
        convert_to("parts", make_target, options);
        EXPECT_EQ(target->bytes, test::read_file(path("file")));
        EXPECT_EQ(target->published, 1);
        EXPECT_EQ(target->offsets.size(), (target->bytes.size() + part_bytes - 1) / part_bytes);
    }
}

TEST_F(SaveManifestTest, BindsTheDataOrIsRefused) {
    SaveOptions options = with_manifest();
    options.sha256 = false;
    const auto error = test::error_of([&] { save(path("a"), small_.views, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_NE(std::string(error->what()).find("SHA-256"), std::string::npos) << error->what();
    options.key = test::sample_key(); // whose MACs do
    save(path("a"), small_.views, options);
    load_by_manifest(path("a"), options.key);
}

TEST_F(SaveManifestTest, IsNothingThatPipWrites) {
    SaveOptions options = with_manifest();
    options.like_pip = true;
    const auto error = test::error_of([&] { save(path("a"), small_.views, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_NE(std::string(error->what()).find("pip"), std::string::npos) << error->what();
}

TEST_F(SaveManifestTest, HasNoRoomInSafetensorsFiles) {
    save(path("source"), small_.views);
    ConvertOptions options;
    options.format = format::FileFormat::safetensors;
    options.tensors = with_manifest();
    const auto error = test::error_of([&] { convert_to("b", to_files(), options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_FALSE(std::filesystem::exists(path("b")));
}

TEST_F(SaveManifestTest, EndsAFileThatTakesSeveralWrites) {
    SaveSession session(path("a"), with_manifest());
    const auto views = std::span(small_.views);
    session.add(views.first(2));
    const auto before = test::read_file(path("a"));
    const auto error = test::error_of([&] { session.add(views.subspan(2)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(test::read_file(path("a")), before);
    EXPECT_EQ(check(open_file(path("a")))->manifest.tensors, 2u);
}

} // namespace
} // namespace tz
