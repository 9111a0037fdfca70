#include "http_load.hpp"

namespace tz {
namespace {

using Open = test::HttpLoad;

TEST_F(Open, TakesPathsAndUrlsOfFiles) {
    save(folder_ / "a file", sample_.views);
    Engine engine;
    const std::string path = folder_ / "a file";
    std::string encoded = path;
    encoded.replace(encoded.find(' '), 1, "%20");
    for (const std::string& uri :
         {path, "file://" + encoded, "FILE://" + encoded, "file://localhost" + encoded})
        expect_same(load(engine, open(uri)), sample_);
}

TEST_F(Open, TakesAPathThatHasAMarkOfUrlsInIt) {
    const auto error = test::error_of([&] { open("./s3://x/y"); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::not_found);
}

TEST_F(Open, NamesWhatItTakesInsteadOfOtherSchemes) {
    for (const char* uri : {"gs://bucket/key", "ftp://host/x", "hf://model"}) {
        const auto error = test::error_of([&] { open(uri); });
        ASSERT_TRUE(error) << uri;
        EXPECT_EQ(error->kind(), errc::usage);
        for (const char* scheme : {"file://", "http://", "https://", "s3://"})
            EXPECT_NE(error->hint().find(scheme), std::string::npos);
    }
}

TEST_F(Open, RefusesFilesOfOtherMachines) {
    for (const char* uri : {"file://server/share", "file://x", "file://"}) {
        const auto error = test::error_of([&] { open(uri); });
        ASSERT_TRUE(error) << uri;
        EXPECT_EQ(error->kind(), errc::usage) << uri;
    }
}

TEST_F(Open, RefusesABrokenUrlWithoutRepeatingIt) {
    for (const char* uri :
         {"http://", "https://user:CANARY@/x", "http://h:99999/CANARY", "s3://"}) {
        const auto error = test::error_of([&] { open(uri); });
        ASSERT_TRUE(error) << uri;
        EXPECT_EQ(error->kind(), errc::usage) << uri;
        EXPECT_EQ(std::string(error->what()).find("user:CANARY"), std::string::npos);
    }
}

} // namespace
} // namespace tz
