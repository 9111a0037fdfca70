// What the commands of `tz` make of safetensors files and of models in several files.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/format/hash.hpp>
#include <tz/tests/support/safetensors.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace tz::test {
namespace {

using Json = nlohmann::json;

struct SafetensorsCommands : testing::Test {
    Folder folder;
    std::vector<std::byte> data = random_bytes(24);
    std::string file = write(
        "x.safetensors",
        {{"w", "BF16", "[2,3]", std::span(data).first(12)},
         {"", "F4", "[4]", std::span(data).subspan(12, 2)},
         {"empty", "XX", "[0]", {}}},
        R"({"format":"pt","odd\u001b":"a\nb"})");

    std::string write(
        const std::string& name,
        const std::vector<SafetensorsEntry>& entries,
        const std::string& metadata = {}) const {
        const auto bytes = safetensors_bytes(entries, 8, metadata);
        return folder.write(
            name, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }

    /// A model of two shards, whose list puts `c` into the second.
    std::string write_model(const char* second = "c") const {
        write("m-1.safetensors", {{"a", "U8", "[4]", std::span(data).first(4)}});
        write(
            "m-2.safetensors",
            {{"b", "U8", "[6]", std::span(data).first(6)},
             {second, "U8", "[2]", std::span(data).first(2)}});
        return folder.write(
            "model.safetensors.index.json",
            R"({"metadata":{"total_size":12},"weight_map":{"c":"m-2.safetensors",)"
            R"("a":"m-1.safetensors","b":"m-2.safetensors"}})");
    }

    static Json json(std::vector<std::string> arguments) {
        arguments.push_back("--json");
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return Json::parse(outcome.out);
    }

    static std::string text(const std::vector<std::string>& arguments) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return outcome.out;
    }
};

TEST_F(SafetensorsCommands, InspectTellsTensorsAndMetadata) {
    const Json facts = json({"inspect", file});
    EXPECT_EQ(facts["format"], "safetensors");
    EXPECT_TRUE(facts["format_version"].is_null());
    EXPECT_EQ(facts["encrypted"], false);
    EXPECT_EQ(facts["metadata"], (Json{{"format", "pt"}, {"odd\x1b", "a\nb"}}));
    EXPECT_EQ(facts["file_bytes"], std::filesystem::file_size(file));
    ASSERT_EQ(facts["tensors"].size(), 3u);
    const Json& tensor = facts["tensors"][0];
    EXPECT_EQ(tensor["name"], "w");
    EXPECT_EQ(tensor["dtype"], "bfloat16");
    EXPECT_EQ(tensor["dtype_code"], "BF16");
    EXPECT_EQ(tensor["dtype_bits"], 16);
    EXPECT_EQ(tensor["header_bytes"], 0);
    EXPECT_TRUE(tensor["crc32"].is_null());
    EXPECT_EQ(facts["tensors"][1]["path"], Json::array({""}));
    EXPECT_EQ(facts["tensors"][1]["dtype_bits"], 4);

    const std::string table = text({"inspect", file});
    EXPECT_NE(table.find("metadata format: pt\n"), std::string::npos) << table;
    EXPECT_NE(table.find("metadata odd\\x1b: a\\x0ab\n"), std::string::npos) << table;
    EXPECT_TRUE(table.ends_with("safetensors, 3 tensors, 14 B\n")) << table;
}

TEST_F(SafetensorsCommands, LoadAndChecksumReadThem) {
    EXPECT_EQ(json({"load", file})["bytes"], 14);
    const std::string lines = text({"checksum", file});
    EXPECT_TRUE(lines.starts_with(format::hex(format::sha256(std::span(data).first(12))) + "  w\n"))
        << lines;
}

TEST_F(SafetensorsCommands, VerifySaysThatThereIsNothingToVerify) {
    const Outcome outcome = run({"verify", file});
    EXPECT_EQ(outcome.code, 6);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("safetensors files hold no hashes"), std::string::npos);
    EXPECT_NE(outcome.err.find("tz checksum"), std::string::npos);
    EXPECT_NE(
        text({"verify", "--verify", "none", file}).find("no hash checked"), std::string::npos);
}

TEST_F(SafetensorsCommands, AKeyIsRefused) {
    const std::string key = folder.write("key", std::string(32, 'k'));
    EXPECT_EQ(run({"load", "--key-file", key, file}).code, 6);
}

TEST_F(SafetensorsCommands, ModelsInShardsAreOneLoad) {
    const std::string list = write_model();
    for (const std::string& address : {list, folder.path(""), "file://" + list}) {
        SCOPED_TRACE(address);
        const Json facts = json({"load", address});
        EXPECT_EQ(facts["tensors"], 3);
        EXPECT_EQ(facts["files"].size(), 2u);
    }
    const Json inspected = json({"inspect", list});
    ASSERT_EQ(inspected["files"].size(), 2u);
    EXPECT_EQ(inspected["files"][1]["tensors"].size(), 2u);
    const std::string tables = text({"inspect", list});
    EXPECT_NE(tables.find("m-2.safetensors:\nNAME"), std::string::npos) << tables;
    const std::string lines = text({"checksum", list});
    EXPECT_EQ(std::ranges::count(lines, '\n'), 4);
    EXPECT_EQ(json({"checksum", list})["tensors"].size(), 3u);
}

TEST_F(SafetensorsCommands, ShardsThatAreNotWhatTheListSaysAreRefused) {
    const std::string list = write_model("d");
    const Outcome outcome = run({"load", list});
    EXPECT_EQ(outcome.code, 6);
    EXPECT_NE(outcome.err.find(list), std::string::npos) << outcome.err;
    EXPECT_NE(
        outcome.err.find("tensor 'd' is in m-2.safetensors and not in the list"), std::string::npos)
        << outcome.err;
    std::filesystem::remove(folder.path("m-1.safetensors"));
    EXPECT_EQ(run({"load", list}).code, 3);
}

TEST_F(SafetensorsCommands, ModelsAreFoundInTheCacheOfHuggingFace) {
    write_model();
    const auto snapshot =
        std::filesystem::path(folder.path("hub")) / "models--o--n/snapshots" / std::string(40, 'a');
    std::filesystem::create_directories(snapshot);
    for (const char* name : {"m-1.safetensors", "m-2.safetensors", "model.safetensors.index.json"})
        std::filesystem::create_symlink(folder.path(name), snapshot / name);
    std::filesystem::create_directories(folder.path("hub") + "/models--o--n/refs");
    folder.write("hub/models--o--n/refs/main", std::string(40, 'a'));
    const RunOptions cached{.environment = {"HF_HUB_CACHE=" + folder.path("hub")}};
    const Outcome outcome = run({"load", "--json", "hf://o/n"}, cached);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["tensors"], 3);
    const Outcome missing = run({"load", "hf://o/other"}, cached);
    EXPECT_EQ(missing.code, 3);
    EXPECT_NE(missing.err.find("hf download o/other"), std::string::npos) << missing.err;
}

} // namespace
} // namespace tz::test
