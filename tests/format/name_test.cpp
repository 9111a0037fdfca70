#include "support/bytes.hpp"
#include <tz/format/name.hpp>

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tz::format {
namespace {

using namespace tz::test;

std::string structured(std::string_view json) {
    return "\x1e" + std::string(json);
}

TEST(ParseName, TakesAnyTextAsAPlainName) {
    for (const std::string& name :
         {std::string("w"),
          std::string(".weight"),
          std::string("a\0b\n", 4),
          std::string("../../etc/passwd"),
          std::string("%n\x1b[31m")})
        EXPECT_EQ(parse_name(name, 0), Path{name});
}

TEST(ParseName, ReadsAStructuredName) {
    const Path path{"model", "layer", std::uint64_t{0}, "weight"};
    EXPECT_EQ(parse_name(structured(R"(["model","layer",0,"weight"])"), 0), path);
    EXPECT_EQ(parse_name(structured("[0]"), 0), Path{std::uint64_t{0}});
}

TEST(ParseName, ReadsEscapesAndBlanks) {
    const Path path{"model", "\xc3\xa9\n\"\xf0\x9f\x98\x80"};
    EXPECT_EQ(parse_name(structured(R"(["model","\u00e9\n\"\ud83d\ude00"])"), 0), path);
    EXPECT_EQ(
        parse_name(structured("[ \"model\"\t,\"\xc3\xa9\\n\\\"\xf0\x9f\x98\x80\" ]"), 0), path);
}

TEST(ParseName, ReadsPositionsUpTo64Bits) {
    EXPECT_EQ(parse_name(structured("[18446744073709551615]"), 0), Path{~std::uint64_t{0}});
    EXPECT_EQ(parse_name(structured("[-0]"), 0), Path{std::uint64_t{0}});
}

TEST(ParseName, RefusesWhatBreaksTheRules) {
    struct Case {
        std::string name;
        const char* text;
    };

    const std::vector<Case> cases{
        {"", "is empty"},
        {"a\xff", "not valid UTF-8"},
        {"\x1e", "no JSON array"},
        {structured("["), "no JSON array"},
        {structured("\"a\""), "no JSON array"},
        {structured("{\"a\":1}"), "no JSON array"},
        {structured("[]"), "no keys"},
        {structured("[ ]"), "no keys"},
        {structured("[\"a\"\n]"), "line end"},
        {structured("[\"a\"\r]"), "line end"},
        {structured("[\"a]"), "not valid JSON"},
        {structured("[\"a\"][\"b\"]"), "not valid JSON"},
        {structured("[\"a\",]"), "not valid JSON"},
        {structured("['a']"), "not valid JSON"},
        {structured("[\"\xff\"]"), "not valid JSON"},
        {structured("[\"\\ud800\"]"), "not valid JSON"},
        {structured("[01]"), "not valid JSON"},
        {structured("[NaN]"), "not valid JSON"},
        {structured("[Infinity]"), "not valid JSON"},
        {structured("[/**/1]"), "not valid JSON"},
        {structured("[1.0]"), "not an integer"},
        {structured("[1e2]"), "not an integer"},
        {structured("[18446744073709551616]"), "not an integer"},
        {structured("[1" + std::string(400, '0') + "]"), ""},
        {structured("[-1]"), "negative"},
        {structured("[null]"), "holds a null"},
        {structured("[true]"), "holds a boolean"},
        {structured("[\"a\",{\"b\":1}]"), "holds an object"},
        {structured("[\"a\",{}]"), "holds an object"},
        {structured("[[\"a\"]]"), "array in the array"},
        {structured(std::string(30'000, '[') + std::string(30'000, ']')), "array in the array"},
    };
    for (const Case& bad : cases) {
        SCOPED_TRACE(bad.text);
        expect_file_error(errc::format, bad.text, [&] { parse_name(bad.name, 99); });
    }
}

TEST(StoreName, KeepsPlainNames) {
    EXPECT_EQ(store_name({"model.layer.0"}), "model.layer.0");
    EXPECT_EQ(store_name({"\xc3\xa9\n"}), "\xc3\xa9\n");
}

TEST(StoreName, WritesStructuredNamesAsPipDoes) {
    EXPECT_EQ(
        store_name({"model", "\xc3\xa9\n\"\xf0\x9f\x98\x80"}),
        structured(R"(["model","\u00e9\n\"\ud83d\ude00"])"));
    EXPECT_EQ(store_name({std::uint64_t{0}}), structured("[0]"));
    EXPECT_EQ(
        store_name({"a", "\x01\x7f\b\f\t\\/"}), structured(R"(["a","\u0001\u007f\b\f\t\\/"])"));
}

TEST(StoreName, HidesAMarkAtTheStartOfAPlainName) {
    EXPECT_EQ(store_name({"\x1exyz"}), structured(R"(["\u001exyz"])"));
}

TEST(StoreName, RefusesWhatNoNameCanBe) {
    expect_error(errc::usage, "no keys", [] { store_name({}); });
    expect_error(errc::usage, "not valid UTF-8", [] { store_name({"a\xff"}); });
}

TEST(DisplayName, EscapesControls) {
    EXPECT_EQ(display_name("a\x1b[31m"), "a\\x1b[31m");
    EXPECT_EQ(display_name(structured("[\"a\",0]")), "[\"a\",0]");
}

TEST(KeyName, IsTheNameItself) {
    using namespace std::string_literals;
    for (const std::string& name :
         {"a.weight"s, "a\nb"s, "nul\0"s, "\x1b[31mred"s, "a\\x0a"s, "\x7f"s})
        EXPECT_EQ(key_name(store_name({name})), name);
    EXPECT_EQ(key_name(store_name({"\x1e[1]"})), "\x1e[1]") << "stored as an array of one";
    EXPECT_EQ(key_name(structured("[\"a\",0]")), "[\"a\",0]");
    EXPECT_EQ(key_name(structured("[0]")), "[0]");
}

TEST(TensorLabel, CutsLongNamesBetweenCharacters) {
    std::string name(199, 'x');
    for (int i = 0; i < 100; ++i)
        name += "\xc3\xa9";
    EXPECT_EQ(tensor_label(name), "tensor '" + std::string(199, 'x') + "...'");
    EXPECT_EQ(tensor_label(std::string(300, '\x80')).size(), std::string("tensor '...'").size());
}

void check(const std::vector<Path>& paths) {
    std::vector<std::uint64_t> offsets;
    for (std::size_t i = 0; i < paths.size(); ++i)
        offsets.push_back(100 + i);
    check_names(paths, offsets);
}

TEST(CheckNames, AcceptsATree) {
    const std::uint64_t zero = 0;
    check(
        {{"a"},
         {"ab"},
         {"b", "a"},
         {"b", "aa"},
         {"c", zero},
         {"c", std::uint64_t{10}},
         {"d", zero, "x"}});
    check({});
}

TEST(CheckNames, RefusesNamesThatFormNoTree) {
    const std::uint64_t zero = 0;
    const std::string nul("a\0", 2);
    expect_file_error(errc::format, "twice", [] { check({{"a"}, {"b"}, {"a"}}); });
    expect_file_error(errc::format, "branch", [] { check({{"a"}, {"ab"}, {"a", "c"}}); });
    expect_file_error(errc::format, "branch", [&] { check({{"a", zero}, {"b"}, {"a"}, {nul}}); });
    expect_file_error(errc::format, "positions", [&] { check({{"a"}, {zero}}); });
    expect_file_error(
        errc::format, "positions", [&] { check({{"x", "a"}, {"x", zero, "b"}, {"y"}}); });
    expect_file_error(errc::format, "no keys", [] { check({{}}); });
    expect_file_error(errc::format, "not valid UTF-8", [] { check({{"b"}, {"a", "\xff"}}); });
}

TEST(CheckNames, NamesThePlaceOfTheLaterOne) {
    try {
        check({{"b"}, {"a"}, {"b"}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.offset(), 102u);
    }
}

TEST(CheckNames, KnowsTheSamePathInTwoForms) {
    const std::vector<std::string_view> names{"a", "\x1e[\"a\"]"};
    const std::vector<std::uint64_t> offsets{1, 2};
    expect_file_error(errc::format, "twice", [&] { check_names(names, offsets); });
}

// What the rules say, tried on each pair of paths.
bool forms_a_tree(const std::vector<Path>& paths) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
        for (std::size_t j = i + 1; j < paths.size(); ++j) {
            std::size_t same = 0;
            while (same < std::min(paths[i].size(), paths[j].size()) &&
                   paths[i][same] == paths[j][same])
                ++same;
            if (same == std::min(paths[i].size(), paths[j].size()))
                return false;
            if (paths[i][same].index() != paths[j][same].index())
                return false;
        }
    }
    return true;
}

TEST(CheckNames, AgreesWithTheRulesOnRandomTrees) {
    std::mt19937 random(5);
    const std::vector<Key> keys{
        "a",
        "ab",
        "",
        std::string("\0", 1),
        "\x01",
        "\xf4\x8f\xbf\xbf",
        std::uint64_t{0},
        std::uint64_t{1},
        std::uint64_t{10}};
    int trees = 0;
    for (int round = 0; round < 5000; ++round) {
        std::vector<Path> paths(2 + random() % 4);
        for (Path& path : paths)
            for (std::size_t length = 1 + random() % 3; path.size() < length;)
                path.push_back(keys[random() % keys.size()]);
        bool accepted = true;
        try {
            check(paths);
        } catch (const Error&) {
            accepted = false;
        }
        EXPECT_EQ(accepted, forms_a_tree(paths)) << "round " << round;
        trees += accepted;
    }
    EXPECT_GT(trees, 500);
}

} // namespace
} // namespace tz::format
