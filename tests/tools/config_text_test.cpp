#include <tz/format/error.hpp>
#include <tz/tools/config_text.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

using Values = std::vector<std::string>;

TEST(ConfigText, IsSectionsAndKeys) {
    const auto entries = parse_config(
        "# usual here\n"
        "io = \"threads\"   # a comment\n"
        "\n"
        "[load]\r\n"
        "  workers=4\r\n"
        "[ manifest . add ]\n"
        "pieces = true",
        "c");
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].section, "");
    EXPECT_EQ(entries[0].key, "io");
    EXPECT_EQ(entries[0].values, Values{"threads"});
    EXPECT_EQ(entries[0].line, 2u);
    EXPECT_EQ(entries[1].section, "load");
    EXPECT_EQ(entries[1].values, Values{"4"});
    EXPECT_EQ(entries[2].section, "manifest.add");
    EXPECT_EQ(entries[2].line, 7u);
}

struct Value {
    const char* text;
    Values values;
};

TEST(ConfigText, TakesTheValuesOfToml) {
    const Value table[] = {
        {R"("a # b")", {"a # b"}},
        {R"("\"x\"\\\t\n")", {"\"x\"\\\t\n"}},
        {R"('C:\x')", {R"(C:\x)"}},
        {R"("")", {""}},
        {"1_000", {"1000"}},
        {"-1.5", {"-1.5"}},
        {"false", {"false"}},
        {"[]", {}},
        {R"(["a", 'b',])", {"a", "b"}},
        {"[ 1 , 2 ] # two", {"1", "2"}},
    };
    for (const Value& value : table)
        EXPECT_EQ(parse_config(std::string("key = ") + value.text, "c").at(0).values, value.values)
            << value.text;
}

struct Wrong {
    const char* text;
    const char* what;
};

TEST(ConfigText, SaysInWhichLineItIsWrong) {
    const Wrong table[] = {
        {"io", "c:1: this is neither OPTION = VALUE nor [COMMAND]"},
        {"\n= 3", "c:2: this is neither OPTION = VALUE nor [COMMAND]"},
        {"io = threads", "c:1: threads is no number, true or false; put it in quotes"},
        {"chunk-size = 4MiB", "c:1: 4MiB is no number, true or false; put it in quotes"},
        {"include = [a.*, b]", "c:1: a.* is no number, true or false; put it in quotes"},
        {"io = {}", "c:1: a value is a string in quotes, a number, true or false"},
        {"io =", "c:1: a value is a string in quotes, a number, true or false"},
        {"io = \"threads", "c:1: the string has no end"},
        {R"(io = "\u0041")", R"(c:1: only \", \\, \n and \t can be escaped)"},
        {R"(io = "\)", "c:1: the string has no end"},
        {"io = 1 2", "c:1: '2' is too much here"},
        {"io = [1 2]", "c:1: an array stands in one line: [A, B]"},
        {"io = [1,", "c:1: a value is a string in quotes, a number, true or false"},
        {"[load", "c:1: a section is [COMMAND]"},
        {"[]", "c:1: a section is [COMMAND]"},
        {"[a.]", "c:1: a section is [COMMAND]"},
        {"[load] x", "c:1: 'x' is too much here"},
        {"[load]\nio = 1\n[load]\nio = 2", "c:4: io stands in line 2 too"},
    };
    for (const Wrong& wrong : table)
        try {
            parse_config(wrong.text, "c");
            ADD_FAILURE() << wrong.text;
        } catch (const Error& error) {
            EXPECT_STREQ(error.what(), wrong.what) << wrong.text;
            EXPECT_EQ(error.kind(), errc::usage);
        }
}

} // namespace
} // namespace tz::cli
