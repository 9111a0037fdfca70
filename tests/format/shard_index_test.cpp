#include "support/bytes.hpp"
#include <tz/format/shard_index.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

ShardIndex parse(const std::string& text) {
    return parse_shard_index(from_text(text));
}

Layout shard(const std::vector<std::string>& names) {
    Layout layout;
    for (const std::string& name : names)
        layout.tensors.emplace_back().name = name;
    return layout;
}

const std::string list = R"({"metadata":{"total_size":12,"x":[1.5,null]},"weight_map":{)"
                         R"("c":"m-00002.safetensors","a":"m-00001.safetensors",)"
                         R"("b":"m-00002.safetensors"}})";

TEST(ShardIndex, ListsEachShardOnceInOrder) {
    const ShardIndex index = parse(list);
    EXPECT_EQ(
        index.shards, (std::vector<std::string>{"m-00001.safetensors", "m-00002.safetensors"}));
    ASSERT_EQ(index.tensors.size(), 3u);
    EXPECT_EQ(index.name(index.tensors[0]), "a");
    EXPECT_EQ(index.tensors[0].shard, 0u);
    EXPECT_EQ(index.name(index.tensors[2]), "c");
    EXPECT_EQ(index.tensors[2].shard, 1u);
}

TEST(ShardIndex, WhatIsNoSuchListIsRefused) {
    const auto map = [](const std::string& of) { return "{\"weight_map\":" + of + "}"; };
    const std::vector<std::pair<std::string, const char*>> refused{
        {"", "JSON"},
        {"[]", "JSON"},
        {"{}", "no weight_map"},
        {R"({"metadata":{}})", "no weight_map"},
        {map("{}"), "empty"},
        {map("[]"), "no JSON object"},
        {map(R"({"a":1})"), "tensor 'a': its shard is no JSON string"},
        {map(R"({"a":"x","a":"x"})"), "tensor 'a' stands in the list twice"},
        {R"({"weight_map":{"a":"x"},"weight_map":{"b":"x"}})", "twice"},
        {map(R"({"a":"x"}) x)"), "JSON"},
        {map("{\"a\":\"\xff\"}"), "JSON"},
    };
    for (const auto& [text, expected] : refused) {
        SCOPED_TRACE(text);
        expect_file_error(errc::format, expected, [&] { parse(text); });
    }
    expect_file_error(errc::limit, "67108865 bytes, the limit is 67108864", [] {
        parse(std::string(shard_index_bytes_max + 1, ' '));
    });
}

TEST(ShardIndex, SaysWhereATensorStandsAgain) {
    const std::string before = R"({"weight_map":{"b":"x","a":"x","\u0062":"y",)";
    try {
        parse(before + R"("\u0061":"x","c":"x"}})");
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.offset(), before.size()) << error.what();
        EXPECT_NE(std::string(error.what()).find("tensor 'a' stands"), std::string::npos);
    }
}

TEST(ShardIndex, NamesAreAsTensorsHaveThem) {
    const ShardIndex index = parse(R"({"weight_map":{"\u001e[1]":"x","":"x","a\nb":"x"}})");
    ASSERT_EQ(index.tensors.size(), 3u);
    EXPECT_EQ(index.name(index.tensors[0]), "");
    EXPECT_EQ(index.name(index.tensors[1]), "\x1e[\"\\u001e[1]\"]");
    EXPECT_EQ(index.name(index.tensors[2]), "a\nb");
    EXPECT_NO_THROW(check_shards(index, std::vector{shard({"", "\x1e[\"\\u001e[1]\"]", "a\nb"})}));
}

TEST(ShardIndex, ShardsLieBesideTheList) {
    for (const char* name :
         {"", ".", "..", "../x", "/etc/passwd", "sub/x", R"(..\\x)", R"(x\u0000)", R"(x\n)"})
        expect_file_error(errc::format, "no name of a file beside the list", [&] {
            parse("{\"weight_map\":{\"a\":\""s + name + "\"}}");
        });
    EXPECT_NO_THROW(parse(R"({"weight_map":{"a":"..x"}})"));
    expect_file_error(errc::format, "no name of a file", [&] {
        parse("{\"weight_map\":{\"a\":\""s + std::string(256, 'x') + "\"}}");
    });
}

TEST(ShardIndex, ShardsAreBounded) {
    std::string text = "{\"weight_map\":{";
    for (std::size_t i = 0; i <= shards_max; ++i)
        text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"" + std::to_string(i) + "\"";
    expect_file_error(errc::limit, "more than 10000 shards", [&] { parse(text + "}}"); });
}

TEST(ShardIndex, ShardsHoldWhatItSays) {
    const ShardIndex index = parse(list);
    EXPECT_NO_THROW(check_shards(index, std::vector{shard({"a"}), shard({"b", "c"})}));
    const std::vector<std::pair<std::vector<Layout>, const char*>> refused{
        {{shard({"a"}), shard({"b"})},
         "tensor 'c' is not in m-00002.safetensors, where the list has it"},
        {{shard({"a"}), shard({"b", "c", "d"})},
         "tensor 'd' is in m-00002.safetensors and not in the list"},
        {{shard({"a", "b"}), shard({"c"})},
         "tensor 'b' is in m-00001.safetensors and by the list in m-00002.safetensors"},
        {{shard({"a", "b"}), shard({"b", "c"})}, "tensor 'b' is in m-00001.safetensors and by"},
    };
    for (const auto& [shards, text] : refused)
        expect_error(errc::format, text, [&] { check_shards(index, shards); });
}

} // namespace
} // namespace tz::format
