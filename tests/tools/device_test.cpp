// `tz load --device` and `tz checksum --device`, by a program whose CUDA is
// tests/support/fake_cudart.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>

namespace tz::test {
namespace {

using Json = nlohmann::json;

const std::string sample = TZ_GOLDEN "/pip-2.12.1_dtypes.tensors";

RunOptions with_devices(int count) {
    return {
        .program = TZ_FAKE_GPU_PROGRAM,
        .environment = {"TZ_FAKE_DEVICES=" + std::to_string(count)}};
}

TEST(Device, TakesALoadAndSaysHowMuch) {
    const Outcome outcome = run({"load", "--json", "--device", "cuda:0", sample}, with_devices(1));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json load = Json::parse(outcome.out);
    EXPECT_EQ(load["memory"], "device");
    ASSERT_EQ(load["devices"].size(), 1u);
    EXPECT_EQ(load["devices"][0]["device"], "cuda:0");
    EXPECT_EQ(load["devices"][0]["bytes"], load["bytes"]);
    EXPECT_EQ(load["stages"]["put"]["bytes"], load["bytes"]);
    EXPECT_GT(load["pinned_bytes"], 0);
}

TEST(Device, SaysHowLongItsCopiesTook) {
    const Outcome json = run({"load", "--json", "--device", "cuda:0", sample}, with_devices(1));
    ASSERT_EQ(json.code, 0) << json.err;
    const Json load = Json::parse(json.out);
    EXPECT_EQ(load["devices"][0]["copied_bytes"], load["bytes"]);
    EXPECT_GT(load["devices"][0]["copy_seconds"], 0);
    EXPECT_LE(load["devices"][0]["copy_seconds"], load["seconds"]);
    const Outcome text = run({"load", "--device", "cuda:0", sample}, with_devices(1));
    EXPECT_NE(text.out.find("; copies under way: cuda:0 "), std::string::npos) << text.out;
}

TEST(Device, HasATrackOfEachStreamInTheTrace) {
    const Folder folder;
    const std::string path = folder.path("trace.json");
    const Outcome outcome = run(
        {"load", "--device", "cuda:1,cuda:0", "--trace", path, "--json", sample}, with_devices(2));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::ifstream text(path);
    std::map<int, std::string> tracks;
    std::map<std::string, std::uint64_t> bytes;
    for (const Json& event : Json::parse(text)) {
        if (event["ph"] == "M" && event["name"] == "thread_name")
            tracks[event["tid"]] = event["args"]["name"];
        if (event["ph"] == "X" && event["name"] == "copy to device")
            bytes[tracks[event["tid"]].substr(0, 6)] += event["args"]["bytes"].get<std::uint64_t>();
        if (event["ph"] == "s" || event["ph"] == "t" || event["ph"] == "f") {
            EXPECT_TRUE(tracks[event["tid"]].starts_with("lane ")) << "arrows follow chunks";
        }
    }
    const Json facts = Json::parse(outcome.out);
    for (const Json& device : facts["devices"])
        EXPECT_EQ(bytes[device["device"]], device["copied_bytes"]);
}

TEST(Device, SharesALoadWithAnother) {
    const Outcome outcome =
        run({"load", "--json", "--device", "cuda:1,cuda:0", sample}, with_devices(2));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json load = Json::parse(outcome.out);
    ASSERT_EQ(load["devices"].size(), 2u);
    const std::uint64_t first = load["devices"][0]["bytes"];
    const std::uint64_t second = load["devices"][1]["bytes"];
    EXPECT_GT(first, 0u);
    EXPECT_GT(second, 0u);
    EXPECT_EQ(first + second, load["bytes"]);
}

TEST(Device, HoldsWhatTheFileHolds) {
    const Outcome file = run({"checksum", sample});
    const Outcome device = run({"checksum", "--device", "cuda:0", sample}, with_devices(1));
    EXPECT_EQ(device.code, 0) << device.err;
    EXPECT_EQ(device.out, file.out);
}

const std::string sealed = TZ_GOLDEN "/pip-2.12.1_pieces_key.tensors";
const std::string key = TZ_GOLDEN "/key.hex";

TEST(Device, DecryptsWhatItGets) {
    const std::vector<std::string> words{
        "--decrypt-on", "gpu", "--device", "cuda:0", "--key-file", key, sealed};
    std::vector<std::string> load{"load", "--json"};
    load.insert(load.end(), words.begin(), words.end());
    const Outcome outcome = run(load, with_devices(1));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_GT(json["device_decrypted_bytes"], 0);
    std::vector<std::string> checksum{"checksum"};
    checksum.insert(checksum.end(), words.begin(), words.end());
    const Outcome device = run(checksum, with_devices(1));
    EXPECT_EQ(device.code, 0) << device.err;
    EXPECT_EQ(device.out, run({"checksum", "--key-file", key, sealed}).out);
}

TEST(Device, DecryptsNothingThatStaysOnTheHost) {
    const Outcome outcome = run({"load", "--decrypt-on", "gpu", "--key-file", key, sealed});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("--device"), std::string::npos) << outcome.err;
}

TEST(Device, IsNamedInErrors) {
    const Outcome outcome = run({"load", "--device", "cuda:1", sample}, with_devices(1));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(
        outcome.err,
        "tz: cuda:1: there is no such device: the driver shows 1; they are counted from 0\n");
}

TEST(Device, IsMissedWhereThereIsNoDriver) {
    const Outcome outcome = run({"load", "--device", "cuda:0", sample});
    if (outcome.code == 0)
        GTEST_SKIP() << "there is a GPU here";
    EXPECT_EQ(outcome.code, 1);
    EXPECT_TRUE(outcome.err.starts_with("tz: cuda:0: ")) << outcome.err;
}

} // namespace
} // namespace tz::test
