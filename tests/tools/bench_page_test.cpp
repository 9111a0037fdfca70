// Results as pages: what stands in them, what is refused. How they look is tests/report's.
#include "support/bench_page.hpp"
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_timeline.hpp>

#include <gtest/gtest.h>

#include <map>

namespace tz::test {
namespace {

using bench::page;

const std::string hostile = "</script><script>alert(1)</script><!--<script>";

Json sweep() {
    return {
        {"schema", "tz-bench-sweep/1"},
        {"sweep", {{"concurrency", {1}}, {"chunk_bytes", {4096}}, {"cells", Json::array()}}}};
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

TEST(BenchPage, HoldsItsDataAsDataWhateverNamesSay) {
    const std::string usual = page(bench_result(), nullptr);
    const std::string html = page(bench_result(hostile), nullptr);
    EXPECT_EQ(count(html, "</script>"), count(usual, "</script>"));
    EXPECT_EQ(count(html, "<script"), count(usual, "<script"));
    EXPECT_EQ(count(html, "<!--"), count(usual, "<!--"));
    EXPECT_EQ(Json::parse(text_of(html, "result-data")), bench_result(hostile));
}

TEST(BenchPage, DoesntFillPlacesThatDataNames) {
    const Json named = bench_result("@css@ @result@ 100 @");
    EXPECT_EQ(Json::parse(text_of(page(named, nullptr), "result-data")), named);
}

TEST(BenchPage, HoldsNamesThatAreNoText) {
    const std::string html = page(bench_result("\xff"), nullptr);
    EXPECT_EQ(Json::parse(text_of(html, "result-data")), bench_result("\ufffd"));
}

TEST(BenchPage, AsksForNothing) {
    const std::string html = page(bench_result(), nullptr);
    EXPECT_NE(html.find("default-src 'none'"), html.npos);
    EXPECT_EQ(count(html, "src="), 0u);
    EXPECT_EQ(count(html, "url("), 0u);
    EXPECT_EQ(count(html, "@import"), 0u);
    EXPECT_EQ(count(html, "innerHTML"), 0u);
    EXPECT_EQ(count(html, "unsafe"), 0u);
    EXPECT_EQ(count(html, " style="), 0u);
    EXPECT_EQ(count(html, "http"), 1u + count(html, "http-equiv")) << "but SVG's name of itself";
}

TEST(BenchPage, IsMadeOfLoadsAndOfSweepsWithAndWithoutATimeline) {
    EXPECT_EQ(text_of(page(bench_result(), nullptr), "timeline-data"), "null");
    const Json drawn = bench::timeline(Json::array({slice(11, "read", 0, 5, 10, 0)}));
    EXPECT_EQ(Json::parse(text_of(page(sweep(), drawn), "timeline-data")), drawn);
}

TEST(BenchPage, RefusesWhatIsNoResult) {
    const auto without = [](const char* pointer) {
        Json json = bench_result();
        return json.patch(Json::array({{{"op", "remove"}, {"path", pointer}}}));
    };
    Json other = bench_result();
    other["schema"] = "tz-bench/2";
    Json sweep_without_cells = sweep();
    sweep_without_cells["sweep"].erase("cells");
    Json load_with_half_a_sweep = bench_result();
    load_with_half_a_sweep["sweep"] = 1;
    const std::map<std::string, Json> cases{
        {"nothing", nullptr},
        {"a list", Json::array()},
        {"no schema", Json::object()},
        {"a schema that is no text", {{"schema", 1}}},
        {"another schema", other},
        {"no runs", without("/runs")},
        {"no summary", without("/summary")},
        {"no entries", without("/summary/entries")},
        {"an entry without a role", without("/summary/entries/0/role")},
        {"an entry without rates", without("/summary/entries/0/gb_per_s")},
        {"an entry without a median", without("/summary/entries/0/gb_per_s/median")},
        {"a sweep without one", {{"schema", "tz-bench-sweep/1"}}},
        {"a sweep without cells", sweep_without_cells},
        {"half a sweep", load_with_half_a_sweep},
    };
    for (const auto& [name, json] : cases)
        EXPECT_EQ(kind_of([&] { page(json, nullptr); }), errc::format) << name;
}

} // namespace
} // namespace tz::test
