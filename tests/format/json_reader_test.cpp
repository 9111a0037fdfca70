#include "support/bytes.hpp"
#include <tz/format/json_reader.hpp>
#include <tz/tests/support/seed.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

constexpr std::uint64_t place = 8;

/// Reads all of an object for its grammar alone.
void skip_all(const std::string& text) {
    const Bytes bytes = from_text(text);
    JsonReader json(bytes, place, "the text");
    json.read_root(
        [&](std::string_view, std::uint64_t, JsonReader::Value value) { json.skip(value); });
}

bool accepts(const std::string& text) {
    try {
        skip_all(text);
        return true;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::format) << error.what();
        EXPECT_TRUE(
            error.offset() && *error.offset() >= place && *error.offset() <= place + text.size())
            << error.what();
        return false;
    }
}

/// The text that `quoted` means, as a value and as a name.
std::string decoded(const std::string& quoted) {
    const Bytes bytes = from_text("{" + quoted + ": " + quoted + "}");
    JsonReader json(bytes, place, "the text");
    std::string text;
    json.read_root([&](std::string_view name, std::uint64_t, JsonReader::Value value) {
        text = json.read_text(value, "it");
        EXPECT_EQ(name, text);
    });
    return text;
}

TEST(JsonReader, DecodesTexts) {
    const std::vector<std::pair<std::string, std::string>> texts{
        {R"("")", ""},
        {R"("a")", "a"},
        {R"("12345678")", "12345678"},
        {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
        {R"("1234567\"")", "1234567\""},
        {R"("\u0000\u001f\u007f")", "\0\x1f\x7f"s},
        {R"("\u0080\u07FF\u0800\uffff")", "\u0080\u07ff\u0800\uffff"},
        {R"("\uD800\uDC00\udbff\udfff")", "\U00010000\U0010ffff"},
        {"\"\u00e9\u20ac\U0001f600 and more\x7f\"", "\u00e9\u20ac\U0001f600 and more\x7f"},
        {"\"\u00e9\\n\u00e9\"", "\u00e9\n\u00e9"},
    };
    for (const auto& [quoted, meant] : texts)
        EXPECT_EQ(decoded(quoted), meant) << quoted;
}

TEST(JsonReader, KeepsTextsWithEscapesToItsEnd) {
    std::string text = "{";
    std::vector<std::string> expected;
    for (std::size_t bytes = 0; bytes < 400; ++bytes) {
        const std::string letters(bytes * bytes / 2, static_cast<char>('a' + bytes % 26));
        text += (bytes > 0 ? ",\"" : "\"") + letters + "\\u0041\":0";
        expected.push_back(letters + "A");
    }
    const Bytes bytes = from_text(text + "}");
    JsonReader json(bytes, place, "the text");
    std::vector<std::string_view> names;
    json.read_root([&](std::string_view name, std::uint64_t, JsonReader::Value value) {
        names.push_back(name);
        json.skip(value);
    });
    ASSERT_EQ(names.size(), expected.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        ASSERT_EQ(names[i], expected[i]);
}

TEST(JsonReader, RefusesTextsThatAreNone) {
    const std::vector<std::pair<std::string, const char*>> refused{
        {"\"a", "ends within a text"},
        {"\"a\\", "ends within a text"},
        {"\"a\\\"", "ends within a text"},
        {"\"1234567\n\"", "control character"},
        {"\"1234567\x1f\"", "control character"},
        {"\"\0\""s, "control character"},
        {R"("\x41")", "an escape that means nothing"},
        {R"("\U0041")", "an escape that means nothing"},
        {R"("\u004")", "an escape that means nothing"},
        {R"("\u+041")", "an escape that means nothing"},
        {R"("\u-041")", "an escape that means nothing"},
        {R"("\u 041")", "an escape that means nothing"},
        {R"("\u0x41")", "an escape that means nothing"},
        {R"("\ud800")", "an escape that means nothing"},
        {R"("\udc00")", "an escape that means nothing"},
        {R"("\udc00\ud800")", "an escape that means nothing"},
        {R"("\ud800\ud800")", "an escape that means nothing"},
        {R"("\ud800\n")", "an escape that means nothing"},
        {R"("\ud800 udc00")", "an escape that means nothing"},
        {R"("\ud800\u")", "an escape that means nothing"},
        {"\"\x80\"", "UTF-8"},
        {"\"1234567\xff\"", "UTF-8"},
        {"\"\xc3\\n\xa9\"", "UTF-8"},
        {"\"\xed\xa0\x80\"", "UTF-8"},
    };
    for (const auto& [quoted, problem] : refused) {
        SCOPED_TRACE(quoted);
        expect_file_error(errc::format, problem, [&] { skip_all("{\"a\":" + quoted + "}"); });
        expect_file_error(errc::format, problem, [&] { skip_all("{" + quoted + ":0}"); });
    }
}

TEST(JsonReader, SaysWhereGrammarIsBroken) {
    struct Broken {
        std::string text;
        std::uint64_t at;
        const char* problem;
    };

    for (const auto& [text, at, problem] : {
             Broken{"", 0, "it is empty"},
             Broken{" \n ", 0, "it is empty"},
             Broken{" 1", 1, "it is no object"},
             Broken{"{} {", 3, "text follows its object"},
             Broken{"{", 1, "it ends within"},
             Broken{R"({"a":1)", 6, "it ends within"},
             Broken{R"({"a":[)", 6, "it ends within"},
             Broken{R"({"a")", 4, "it ends within"},
             Broken{R"({"a":)", 5, "it ends before a value"},
             Broken{R"({"a":1,)", 7, "a name in quotes is missing"},
             Broken{R"({"a":1,})", 7, "a name in quotes is missing"},
             Broken{R"({"a" 1})", 5, "a colon is missing"},
             Broken{R"({"a":1 "b":2})", 7, "a comma or bracket is missing"},
             Broken{R"({"a":[1 2]})", 8, "a comma or bracket is missing"},
             Broken{R"({"a":[1,]})", 8, "a value is missing"},
             Broken{R"({"a":[1}})", 7, "a comma or bracket is missing"},
             Broken{R"({"a":nulls})", 9, "a comma or bracket is missing"},
         }) {
        SCOPED_TRACE(text);
        try {
            skip_all(text);
            ADD_FAILURE() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.offset(), place + at) << error.what();
            EXPECT_NE(std::string(error.what()).find(problem), std::string::npos) << error.what();
        }
    }
}

TEST(JsonReader, ReadsWholeNumbersTrueAndFalse) {
    const Bytes bytes = from_text(R"({"n":[0 ,18446744073709551615],"b":[true,false],"no":1})");
    JsonReader json(bytes, place, "the text");
    std::vector<std::uint64_t> numbers;
    std::vector<bool> truths;
    const auto read = [&](std::string_view name, std::uint64_t, JsonReader::Value value) {
        if (name == "n")
            json.read_array(value, "n", [&](JsonReader::Value one) {
                numbers.push_back(json.read_number(one, "one"));
            });
        else if (name == "b")
            json.read_array(value, "b", [&](JsonReader::Value one) {
                truths.push_back(json.read_bool(one, "one"));
            });
        else
            json.read_bool(value, "no");
    };
    expect_file_error(errc::format, "no is neither true nor false", [&] { json.read_root(read); });
    EXPECT_EQ(numbers, (std::vector<std::uint64_t>{0, UINT64_MAX}));
    EXPECT_EQ(truths, (std::vector<bool>{true, false}));
}

/// Texts with all there is in JSON, and what is easily taken for it.
std::string random_text(std::mt19937_64& random) {
    static const std::vector<std::string> parts{
        "{",    "}",   "[",        "]",      ",",     ":",      "\"a\"",     "\"\"",  "0",
        "-1",   "1.5", "1e-9",     "true",   "false", "null",   " ",         "\n",    "\"\\n\"",
        "\"\\", "\"",  "\\u0",     "\u00e9", "\xc3",  "-",      "01",        ".",     "E+",
        "1e9",  "99",  "e+99",     "nul",    "\x01",  "\"b\":", "\"\\ud83d", "\\ude", "00\"",
        "[]",   "{}",  "\"k\":1,", "{}}",    "[1,2]", "\"",     "\"x\":[",   "]}",    "\"y\":{"};
    std::string text = "{";
    for (std::size_t count = random() % 12; count-- > 0;)
        text += parts[random() % parts.size()];
    return text + (random() % 4 == 0 ? "" : "}");
}

TEST(JsonReader, TakesWhatAnotherReaderTakes) {
    const std::uint64_t seed = test::seed();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::string sound = R"({"a":{"b":[1,-0.5e+3,"x\u00e9\\",null],"c":{}},"d":[true,false]})";
    std::size_t taken = 0;
    for (int i = 0; i < 50'000; ++i) {
        std::string text = i % 2 == 0 ? random_text(random) : sound;
        if (i % 2 != 0) // change one byte
            text[1 + random() % (text.size() - 1)] = static_cast<char>(random());
        const bool other = nlohmann::json::accept(text);
        ASSERT_EQ(accepts(text), other) << text;
        taken += other ? 1 : 0;
    }
    EXPECT_GT(taken, 1000u);
}

} // namespace
} // namespace tz::format
