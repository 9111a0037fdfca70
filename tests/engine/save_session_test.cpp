#include <tz/engine/load.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tz {
namespace {

/// Tensors in three parts, for three writes.
class Session : public testing::Test {
protected:
    std::span<const TensorView> part(std::size_t number) const {
        return std::span(sample_.views).subspan(2 * number, 2);
    }

    /// The first `count` tensors, with their hashes right.
    void expect_first(std::size_t count, LoadOptions options = {}) {
        options.verify = Verify::sha256;
        Engine engine;
        const Loaded loaded = load(engine, open_file(path_), options);
        ASSERT_EQ(loaded.tensors.size(), count);
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_EQ(loaded.layout.tensors[i].name, sample_.views[i].spec.name);
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample_.data[i])) << i;
        }
    }

    std::optional<Error> error_of_add(SaveSession& session, std::span<const TensorView> tensors) {
        return test::error_of([&] { session.add(tensors); });
    }

    test::TempFolder folder_;
    std::string path_ = folder_ / "file";
    test::Sample sample_{{5, 100'000, 2 << 20, 0, 70, 1}};
};

TEST_F(Session, HoldsEveryWriteOnceItReturns) {
    SaveSession session(path_);
    EXPECT_FALSE(std::filesystem::exists(path_));
    for (std::size_t i = 0; i < 3; ++i) {
        session.add(part(i));
        EXPECT_EQ(session.layout().tensors.size(), 2 * i + 2);
        expect_first(2 * i + 2);
    }
}

TEST_F(Session, WritesOverAFileThatStaysTheSame) {
    std::ofstream(path_) << std::string(20 << 20, 'x');
    std::filesystem::create_hard_link(path_, folder_ / "other");
    SaveSession session(path_, {}, Existing::overwritten);
    for (std::size_t i = 0; i < 3; ++i) {
        session.add(part(i));
        expect_first(2 * i + 2);
    }
    EXPECT_EQ(std::filesystem::hard_link_count(path_), 2U);
    EXPECT_EQ(std::filesystem::file_size(path_), session.layout().file_bytes);
}

TEST_F(Session, OverwritesNothingButRegularFiles) {
    SaveSession session("/dev/null", {}, Existing::overwritten);
    const auto error = error_of_add(session, part(0));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

TEST_F(Session, StoresHowItsKeyCameFromAPassword) {
    const std::string_view text = "a password";
    const auto password = std::make_shared<format::Secret>(std::as_bytes(std::span(text)));
    SaveOptions options;
    options.key_derivation = format::random_derivation(1, 8192);
    options.key =
        std::make_shared<format::Secret>(format::derive_key(*password, *options.key_derivation));
    SaveSession session(path_, options);
    session.add(part(0));
    LoadOptions by_password;
    by_password.password = password;
    expect_first(2, by_password);
    options.key = nullptr;
    const auto error = test::error_of([&] { SaveSession refused(path_, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

TEST_F(Session, EndsWithTheBytesOfOneWrite) {
    for (const bool like_pip : {false, true}) {
        SaveOptions options;
        options.like_pip = like_pip;
        save(folder_ / "one", sample_.views, options);
        SaveSession session(path_, options);
        for (std::size_t i = 0; i < 3; ++i)
            session.add(part(i));
        EXPECT_EQ(test::read_file(path_), test::read_file(folder_ / "one"));
    }
}

TEST_F(Session, DerivesAPasswordsKeyOnceForAllWrites) {
    SaveOptions options;
    options.password = test::secret("pw");
    options.derivation_passes = 1;
    options.derivation_memory_bytes = 8192;
    SaveSession session(path_, options);
    session.add(part(0));
    session.add(part(1));
    session.add(part(2));
    LoadOptions loading;
    loading.password = test::secret("pw");
    loading.keep_headers = true;
    expect_first(6, loading);
    Engine engine;
    const Loaded loaded = load(engine, open_file(path_), loading);
    for (const std::size_t i : {0, 1, 2, 4, 5}) {
        ASSERT_TRUE(loaded.headers[i].seal->derivation);
        EXPECT_EQ(loaded.headers[i].seal->derivation, loaded.headers[0].seal->derivation);
    }
}

TEST_F(Session, RaisesTheVersionForWhatIsAdded) {
    SaveSession session(path_);
    session.add(part(0));
    EXPECT_EQ(session.layout().version, 1u);
    TensorView opaque = sample_.views[4];
    opaque.spec.dtype_code = std::string("<V2\0torch.bfloat16", 18);
    opaque.spec.shape = {35};
    session.add(std::span(&opaque, 1));
    EXPECT_EQ(session.layout().version, 2u);
    Engine engine;
    EXPECT_EQ(read_layout(engine, open_file(path_)).version, 2u);
}

TEST_F(Session, RefusesWhatHasNoRoomBeforeItWritesAnything) {
    SaveOptions options;
    options.region_bytes_min = 0;
    SaveSession session(path_, options);
    session.add(part(0));
    const auto before = test::read_file(path_);
    const auto error = error_of_add(session, part(1));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_EQ(error->source(), path_);
    EXPECT_EQ(test::read_file(path_), before);
}

TEST_F(Session, LeavesTheReserveAlone) {
    SaveOptions options;
    options.region_bytes_min = 0;
    options.region_reserve = 1000; // two entries take 76
    SaveSession session(path_, options);
    session.add(part(0));
    const auto error = error_of_add(session, part(1));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::limit);
    EXPECT_NE(std::string(error->what()).find("no room in the index"), std::string::npos);
}

TEST_F(Session, RefusesNamesThatAreThereAndGoesOn) {
    SaveSession session(path_);
    session.add(part(0));
    const auto before = test::read_file(path_);
    const auto error = error_of_add(session, part(0));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(test::read_file(path_), before);
    session.add(part(1));
    expect_first(4);
}

TEST_F(Session, RefusesToAddToAFileThatLostItsName) {
    SaveSession session(path_);
    session.add(part(0));
    test::write_file(folder_ / "other", test::random_bytes(10));
    std::filesystem::rename(folder_ / "other", path_);
    const auto error = error_of_add(session, part(1));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
    EXPECT_EQ(test::read_file(path_), test::random_bytes(10));
}

TEST_F(Session, AddsNothingWithoutTensors) {
    SaveSession session(path_);
    const auto error = error_of_add(session, {});
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage); // a file needs one
    session.add(part(0));
    const auto before = test::read_file(path_);
    session.add({});
    EXPECT_EQ(test::read_file(path_), before);
}

TEST_F(Session, CanBeMoved) {
    SaveSession first(path_);
    first.add(part(0));
    SaveSession second = std::move(first);
    second.add(part(1));
    expect_first(4);
}

} // namespace
} // namespace tz
