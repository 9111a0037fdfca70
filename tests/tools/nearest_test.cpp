#include <tz/tools/nearest.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

TEST(Nearest, IsTheKnownWordWithFewestSlips) {
    const std::vector<std::string> known{"load", "verify", "convert", "--chunk-size", "fetch"};

    const struct {
        const char* word;
        const char* near;
    } cases[] = {
        {"lod", "load"},
        {"laod", "load"},
        {"loads", "load"},
        {"verfiy", "verify"},
        {"--chunksize", "--chunk-size"},
        {"--chunks", ""},
        {"xyz", ""},
        {"", ""},
        {"inspect", ""},
    };

    for (const auto& one : cases)
        EXPECT_EQ(nearest(one.word, known), one.near) << one.word;
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), "");
}

} // namespace
} // namespace tz::cli
