#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace tz::test {
namespace {

using Json = nlohmann::json;

TEST(Info, TellsTheMachinesFacts) {
    const Outcome outcome = run({"info", "--json", "--path", "/"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json facts = Json::parse(outcome.out);
    EXPECT_EQ(facts["schema"], "tz-info/1");
    EXPECT_TRUE(facts["kernel"].get<std::string>().starts_with("Linux "));
    const bool usable = facts["io_uring"]["usable"];
    EXPECT_EQ(facts["io_uring"]["reason"].is_null(), usable);
    EXPECT_EQ(facts["io_uring"]["features"].empty(), !usable);
    EXPECT_EQ(facts["path"]["name"], "/");
    EXPECT_TRUE(facts["path"]["filesystem"].is_string());
    EXPECT_TRUE(facts["path"]["direct"].is_boolean());
    EXPECT_TRUE(facts["path"]["alignment"].is_number_unsigned());
    EXPECT_GE(facts["cpu"]["cores_usable"], 1);
    EXPECT_GT(facts["memory"]["total_bytes"], facts["memory"]["available_bytes"]);
    for (const char* name : {"boost", "openssl", "libsodium", "zlib", "liburing", "isa-l"})
        EXPECT_NE(facts["libraries"][name], "") << name;
}

TEST(Info, IsReadableByPeople) {
    const std::string text = run({"info"}).out;
    for (const char* line :
         {"tz          0.1.0",
          "\nkernel ",
          "\nio_uring ",
          "\nmemlock ",
          "\npath        .: ",
          "\ncpu ",
          "\nfeatures ",
          "\nmemory ",
          "\ngpu "})
        EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(Info, NamesTheGpusThatTheDriverFinds) {
    const RunOptions fake{.environment = {"LD_LIBRARY_PATH=" TZ_FAKE_CUDA}};
    const Json gpu = Json::parse(run({"info", "--json"}, fake).out)["gpu"];
    EXPECT_EQ(gpu["cuda"], "12.8");
    EXPECT_EQ(gpu["reason"], Json());
    ASSERT_EQ(gpu["devices"].size(), 2u);
    EXPECT_EQ(gpu["devices"][1]["name"], "Second GPU");
    EXPECT_EQ(gpu["devices"][1]["memory_bytes"], 16ull << 30);
    EXPECT_NE(
        run({"info"}, fake).out.find("First GPU (16.0 GiB), Second GPU (16.0 GiB), CUDA 12.8"),
        std::string::npos);
}

TEST(Info, SaysWhyThereIsNoGpu) {
    const Json gpu = Json::parse(run({"info", "--json"}).out)["gpu"];
    EXPECT_EQ(gpu["reason"].is_null(), !gpu["devices"].empty());
}

} // namespace
} // namespace tz::test
