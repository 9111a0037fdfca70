#include <tz/engine/choose.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace tz {
namespace {

format::Layout layout_of(const std::vector<std::string>& names) {
    format::Layout layout;
    std::uint64_t at = 1000;
    for (const std::string& name : names) {
        format::Tensor tensor;
        tensor.name = name;
        tensor.dtype = {"<f4", "float32", 32};
        tensor.shape = {10, 20};
        tensor.bytes = 800;
        tensor.header = {at, 100};
        tensor.data = {at + 100, 800};
        at += 900;
        layout.tensors.push_back(tensor);
    }
    return layout;
}

const std::vector<format::Layout> files{
    layout_of({"a.weight", "a.bias", "b.weight"}), layout_of({"b.weight", "c/norm.weight"})};

/// "FILE:NAME ..." in the order of the items.
std::string chosen(const Selection& selection) {
    std::string text;
    for (const Item& item : choose_items(files, selection))
        text += (text.empty() ? "" : " ") + std::to_string(item.source) + ":" + item.tensor->name;
    return text;
}

Selection
of(std::vector<std::string> names,
   std::vector<std::string> include = {},
   std::vector<std::string> exclude = {}) {
    Selection selection;
    selection.names = std::move(names);
    selection.include = std::move(include);
    selection.exclude = std::move(exclude);
    return selection;
}

TEST(Choose, FollowsTheTable) {
    const struct {
        Selection selection;
        const char* items;
    } cases[] = {
        {{}, "0:a.weight 0:a.bias 0:b.weight 1:b.weight 1:c/norm.weight"},
        {of({"a.bias"}), "0:a.bias"},
        {of({"b.weight"}), "0:b.weight 1:b.weight"},
        {of({}, {"*.weight"}), "0:a.weight 0:b.weight 1:b.weight 1:c/norm.weight"},
        {of({}, {"a.*", "c*"}), "0:a.weight 0:a.bias 1:c/norm.weight"},
        {of({}, {}, {"*weight"}), "0:a.bias"},
        {of({"a.bias"}, {"c*"}), "0:a.bias 1:c/norm.weight"},
        {of({"a.bias"}, {"a.*"}, {"*.bias"}), "0:a.weight"},
        {of({}, {"*.weight", "a.*", "a.weight"}),
         "0:a.weight 0:a.bias 0:b.weight 1:b.weight 1:c/norm.weight"},
        {of({"a.bias"}, {"a.bias", "*.bias"}), "0:a.bias"},
        {of({}, {"a.*"}, {"a.*", "none*"}), ""},
        {of({}, {"?.bias"}), "0:a.bias"},
    };

    for (const auto& one : cases)
        EXPECT_EQ(chosen(one.selection), one.items);
}

/// Which of some names are chosen that are shown alike, or alike up to a NUL: their places.
std::string chosen_among_odd(const Selection& selection) {
    using namespace std::string_literals;
    const std::vector<format::Layout> odd{layout_of({"a\n", "a\\x0a", "b\n", "nul", "nul\0"s})};
    std::string places;
    for (const Item& item : choose_items(odd, selection))
        places += std::to_string(item.tensor - odd.front().tensors.data());
    return places;
}

TEST(Choose, TakesNamesExactlyAndElseAsTheyAreShown) {
    using namespace std::string_literals;

    const struct {
        Selection selection;
        const char* places;
    } cases[] = {
        {of({"a\n"}), "0"},
        {of({"a\\x0a"}), "1"},
        {of({"b\\x0a"}), "2"},
        {of({"nul"}), "3"},
        {of({"nul\0"s}), "4"},
        {of({}, {"a\n"}), "0"},
        {of({}, {"a\\x0a"}), "1"},
        {of({}, {"b\\x0a"}), "2"},
        {of({}, {"a*"}), "01"},
        {of({}, {"nul"}), "3"},
        {of({}, {"nul\0"s}), "4"},
        {of({}, {"nul*"}), "34"},
        {of({"b\n"}, {"b\\x0a"}), "2"},
        {of({}, {}, {"nul\0"s, "a\\x0a"}), "023"},
    };

    for (const auto& one : cases)
        EXPECT_EQ(chosen_among_odd(one.selection), one.places);
}

TEST(Choose, OrdersAndCutsNamesThatAreShownAlike) {
    const std::vector<format::Layout> odd{layout_of({"a\n", "a\\x0a"})};
    Selection selection;
    selection.order = {"a\\x0a"};
    auto items = choose_items(odd, selection);
    ASSERT_EQ(items.size(), 2u);
    EXPECT_EQ(items[0].tensor->name, "a\\x0a");
    const Slice slice{"a\n", 0, 0, 1};
    cut_slices(items, std::span(&slice, 1), false, 4 << 20, {});
    EXPECT_FALSE(items[0].slice);
    EXPECT_TRUE(items[1].slice);
}

TEST(Choose, AsksThePredicateOfWhatElseIsWanted) {
    Selection selection = of({}, {"*.weight"});
    std::vector<std::string> asked;
    selection.wanted = [&](const format::Tensor& tensor) {
        asked.push_back(tensor.name);
        return tensor.name[0] == 'b';
    };
    EXPECT_EQ(chosen(selection), "0:b.weight 1:b.weight");
    EXPECT_EQ(asked.size(), 4u);
}

TEST(Choose, PutsTheCallersOrderFirst) {
    Selection selection;
    selection.order = {"c/norm.weight", "a.bias"};
    EXPECT_EQ(chosen(selection), "1:c/norm.weight 0:a.bias 0:a.weight 0:b.weight 1:b.weight");
    const auto items = choose_items(files, selection);
    EXPECT_EQ(items[0].place, 1u) << "the place in its file stays";
    EXPECT_EQ(items[1].place, 1u);
}

TEST(Choose, RefusesNamesThatNoFileHas) {
    const auto error = test::error_of([] { choose_items(files, of({"a.weight", "nobody"})); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::not_found);
    EXPECT_NE(std::string(error->what()).find("'nobody'"), std::string::npos);
}

TEST(Choose, RefusesPatternsThatMatchNothingInAllFiles) {
    const std::vector<Selection> cases{
        of({}, {"none*"}), of({}, {"*.weight", "none"}), of({"a.bias"}, {"none"}), of({}, {""})};
    for (const Selection& one : cases) {
        const auto error = test::error_of([&] { choose_items(files, one); });
        ASSERT_TRUE(error) << one.include.back();
        EXPECT_EQ(error->kind(), errc::usage);
        EXPECT_NE(
            error->problem().find("no tensor matches the pattern '" + one.include.back() + "'"),
            std::string::npos)
            << error->what();
    }
}

TEST(Choose, RefusesAnOrderOfWhatIsNotWanted) {
    Selection selection = of({"a.bias"});
    selection.order = {"a.weight"};
    const auto error = test::error_of([&] { choose_items(files, selection); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
}

errc cut(const std::vector<Slice>& slices, const Selection& selection = {}) {
    auto items = choose_items(files, selection);
    const auto error = test::error_of([&] { cut_slices(items, slices, false, 4 << 20, {}); });
    return error ? error->kind() : errc{};
}

TEST(CutSlices, RefusesWhatIsNotInTheShapeOrNotWanted) {
    EXPECT_EQ(cut({{"a.bias", 0, 0, 10}}), errc{});
    EXPECT_EQ(cut({{"a.bias", 1, 20, 20}}), errc{});
    EXPECT_EQ(cut({{"a.bias", 0, 0, 11}}), errc::usage);
    EXPECT_EQ(cut({{"a.bias", 0, 5, 4}}), errc::usage);
    EXPECT_EQ(cut({{"a.bias", 2, 0, 1}}), errc::usage);
    EXPECT_EQ(cut({{"nobody", 0, 0, 1}}), errc::usage);
    EXPECT_EQ(cut({{"a.bias", 0, 0, 1}}, of({"b.weight"})), errc::usage);
    EXPECT_EQ(cut({{"a.bias", 0, 0, 1}, {"a.bias", 0, 1, 2}}), errc::usage) << "two of one";
}

TEST(CutSlices, HandsOutOnlyWhatIsWanted) {
    Selection selection = of({"a.bias", "b.weight"});
    auto items = choose_items(files, selection);
    const std::vector<Slice> slices{{"b.weight", 0, 2, 5}};
    cut_slices(items, slices, false, 4 << 20, {});
    const auto first = handed_out(files[0], items, 0);
    ASSERT_EQ(first.tensors.size(), 2u);
    EXPECT_EQ(first.tensors[0].bytes, 800u);
    EXPECT_EQ(first.tensors[1].shape, (std::vector<std::uint64_t>{3, 20}));
    EXPECT_EQ(handed_out(files[1], items, 1).tensors.size(), 1u);
    EXPECT_EQ(items[1].read.bytes, 240u);
}

TEST(CutSlices, ReadsWholeTensorsWhenAsked) {
    auto items = choose_items(files, of({"a.bias"}));
    const std::vector<Slice> slices{{"a.bias", 0, 2, 5}};
    cut_slices(items, slices, true, 4 << 20, {});
    EXPECT_EQ(items[0].read, items[0].tensor->data);
    EXPECT_EQ(items[0].bytes, 240u);
    EXPECT_TRUE(items[0].whole);
}

} // namespace
} // namespace tz
