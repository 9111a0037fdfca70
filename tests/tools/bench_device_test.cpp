// The ceiling of GPUs in `tz-bench load`, by a program whose CUDA is tests/support/fake_cudart.
#include "support/bench_files.hpp"
#include "support/bench_page.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tz::test {
namespace {

struct BenchDevice : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");

    void SetUp() override { write_tensors(file, tensor_bytes); }

    Outcome load(int devices, const std::vector<std::string>& more) const {
        std::vector<std::string> arguments{
            "load", file, "--modes=plain", "--warm", "--runs=2", "--warmup=0", "--no-fio", "-q"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(
            arguments,
            {.program = TZ_BENCH_FAKE_GPU_PROGRAM,
             .environment = {"TZ_FAKE_DEVICES=" + std::to_string(devices)}});
    }

    /// The entries of copies to GPUs.
    std::vector<Json> copies(int devices, std::vector<std::string> more) const {
        more.emplace_back("--json");
        const Outcome outcome = load(devices, more);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return copies_of(Json::parse(outcome.out));
    }

    static std::vector<Json> copies_of(const Json& result) {
        std::vector<Json> found;
        for (const Json& entry : result.at("summary").at("entries"))
            if (entry.at("name").get<std::string>().starts_with("pinned copies"))
                found.push_back(entry);
        return found;
    }
};

TEST_F(BenchDevice, StandsInTheTableAndOnThePage) {
    const std::string page = folder.path("page.html");
    const Outcome outcome = load(1, {"--html", page});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("\n  pinned copies to cuda:0 "), outcome.out.npos) << outcome.out;
    std::ifstream stream(page);
    const std::string html{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(copies_of(Json::parse(text_of(html, "result-data"))).size(), 1u);
}

TEST_F(BenchDevice, IsMeasuredInEachRoundLikeTheOtherStages) {
    const std::vector<Json> found = copies(2, {});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].at("role"), "stage");
    EXPECT_EQ(found[0].at("cache"), "memory");
    EXPECT_EQ(found[0].at("samples"), 2);
    EXPECT_GT(found[0].at("gb_per_s").at("median"), 0);
}

TEST_F(BenchDevice, IsOfTheDevicesThatAreNamed) {
    const std::vector<Json> found = copies(2, {"--device=cuda:1,cuda:0"});
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].at("name"), "pinned copies to cuda:1");
    EXPECT_EQ(found[1].at("name"), "pinned copies to cuda:0");
    EXPECT_TRUE(copies(2, {"--device=cpu"}).empty());
}

TEST_F(BenchDevice, IsLeftOutWhereThereIsNoDevice) {
    EXPECT_TRUE(copies(0, {}).empty());
}

TEST_F(BenchDevice, IsDroppedWithItsReasonWhereTheNamedOneIsMissing) {
    const std::vector<Json> found = copies(1, {"--device=cuda:3"});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].at("samples"), 0);
    const std::string failure = found[0].at("failure");
    EXPECT_TRUE(failure.starts_with("cuda:3: there is no such device")) << failure;
}

} // namespace
} // namespace tz::test
