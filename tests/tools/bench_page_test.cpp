// Results as pages: what stands in them, what is refused. How they look is tests/report's.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/format/error.hpp>
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_timeline.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>

namespace tz::test {
namespace {

using bench::page;
using bench::timeline;
using cli::Json;

const std::string hostile = "</script><script>alert(1)</script><!--<script>";

Json entry(const std::string& name) {
    return {
        {"role", "load"},
        {"name", name},
        {"file", "x.tensors"},
        {"cache", "warm"},
        {"samples", 1},
        {"gb_per_s", {{"median", 2}, {"min", 1}, {"max", 3}}}};
}

Json result(const std::string& name = "plain") {
    return {
        {"schema", "tz-bench/1"},
        {"runs", Json::array()},
        {"summary", {{"entries", {entry(name)}}}}};
}

Json sweep() {
    return {
        {"schema", "tz-bench-sweep/1"},
        {"sweep", {{"concurrency", {1}}, {"chunk_bytes", {4096}}, {"cells", Json::array()}}}};
}

/// A stage of a chunk on a track; times in microseconds.
Json slice(int track, const char* stage, double begin, double length, int bytes, int chunk) {
    return {
        {"ph", "X"},
        {"name", stage},
        {"pid", 1},
        {"tid", track},
        {"ts", begin},
        {"dur", length},
        {"args", {{"bytes", bytes}, {"chunk", chunk}}}};
}

Json track(int number, const char* name) {
    return {{"ph", "M"}, {"name", "thread_name"}, {"tid", number}, {"args", {{"name", name}}}};
}

/// The text of the element with that id.
std::string text_of(const std::string& html, const std::string& id) {
    const std::string opening = "id=\"" + id + "\">";
    const std::size_t begin = html.find(opening) + opening.size();
    return html.substr(begin, html.find("</script>", begin) - begin);
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

errc kind_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.kind();
    }
    return {};
}

TEST(BenchPage, HoldsItsDataAsDataWhateverNamesSay) {
    const std::string usual = page(result(), nullptr);
    const std::string html = page(result(hostile), nullptr);
    EXPECT_EQ(count(html, "</script>"), count(usual, "</script>"));
    EXPECT_EQ(count(html, "<script"), count(usual, "<script"));
    EXPECT_EQ(count(html, "<!--"), count(usual, "<!--"));
    EXPECT_EQ(Json::parse(text_of(html, "result-data")), result(hostile));
}

TEST(BenchPage, DoesntFillPlacesThatDataNames) {
    const Json named = result("@css@ @result@ 100 @");
    EXPECT_EQ(Json::parse(text_of(page(named, nullptr), "result-data")), named);
}

TEST(BenchPage, HoldsNamesThatAreNoText) {
    const std::string html = page(result("\xff"), nullptr);
    EXPECT_EQ(Json::parse(text_of(html, "result-data")), result("\ufffd"));
}

TEST(BenchPage, AsksForNothing) {
    const std::string html = page(result(), nullptr);
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
    EXPECT_EQ(text_of(page(result(), nullptr), "timeline-data"), "null");
    const Json drawn = timeline(Json::array({slice(11, "read", 0, 5, 10, 0)}));
    EXPECT_EQ(Json::parse(text_of(page(sweep(), drawn), "timeline-data")), drawn);
}

TEST(BenchPage, RefusesWhatIsNoResult) {
    const auto without = [](const char* pointer) {
        Json json = result();
        return json.patch(Json::array({{{"op", "remove"}, {"path", pointer}}}));
    };
    Json other = result();
    other["schema"] = "tz-bench/2";
    Json sweep_without_cells = sweep();
    sweep_without_cells["sweep"].erase("cells");
    Json load_with_half_a_sweep = result();
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

TEST(BenchTimeline, CountsTimeFromTheFirstSliceAndNamesLanesAndStages) {
    const Json drawn = timeline(
        {track(12, "lane 1"),
         track(11, "lane 0"),
         slice(12, "verify", 130, 20, 8, 1),
         slice(11, "read", 100, 50, 7, 0)});
    EXPECT_EQ(drawn.at("lanes"), Json({"lane 0", "lane 1"}));
    EXPECT_EQ(drawn.at("stages"), Json({"read", "verify"}));
    EXPECT_EQ(drawn.at("slices"), Json({{0, 0, 0.0, 50.0, 7, 0}, {1, 1, 30.0, 20.0, 8, 1}}));
    EXPECT_DOUBLE_EQ(drawn.at("seconds"), 50e-6);
    EXPECT_EQ(drawn.at("left_out"), 0);
}

TEST(BenchTimeline, AddsUpBytesAsReadsEndAndAsChunksAreDone) {
    const Json drawn = timeline(
        {slice(11, "read", 0, 1e6, 100, 0),
         slice(12, "read", 0, 2e6, 50, 1),
         slice(11, "verify", 1e6, 2e6, 100, 0),
         slice(10, "deliver", 3e6, 1e6, 150, 0)});
    EXPECT_EQ(drawn.at("read"), Json({{1.0, 100}, {2.0, 150}}));
    EXPECT_EQ(drawn.at("done"), Json({{2.0, 50}, {3.0, 150}})) << "tensors don't count twice";
    EXPECT_DOUBLE_EQ(drawn.at("seconds"), 4);
}

TEST(BenchTimeline, OfALongLoadKeepsTheSumAndSaysWhatIsLeftOut) {
    Json events = Json::array();
    const int all = static_cast<int>(bench::slices_max) + 7;
    for (int i = 0; i < all; ++i)
        events.push_back(slice(11, "read", i, 1, 2, i));
    const Json drawn = timeline(events);
    EXPECT_EQ(drawn.at("slices").size(), bench::slices_max);
    EXPECT_EQ(drawn.at("left_out"), 7);
    for (const char* curve : {"read", "done"}) {
        EXPECT_LE(drawn.at(curve).size(), bench::points_max + 1) << curve;
        EXPECT_EQ(drawn.at(curve).back().at(1), 2 * all) << curve;
    }
}

TEST(BenchTimeline, OfNothingIsNothing) {
    EXPECT_TRUE(timeline(nullptr).is_null());
    EXPECT_TRUE(timeline(Json::array()).at("slices").empty());
    EXPECT_TRUE(timeline({{"traceEvents", Json::array()}}).at("slices").empty());
}

TEST(BenchTimeline, RefusesWhatIsNoTrace) {
    Json without_length = slice(11, "read", 0, 1, 1, 0);
    without_length.erase("dur");
    Json with_text = slice(11, "read", 0, 1, 1, 0);
    with_text["ts"] = "0";
    const std::map<std::string, Json> cases{
        {"a number", 1},
        {"an object without events", Json::object()},
        {"a list of numbers", {1, 2}},
        {"a slice without a length", Json::array({without_length})},
        {"a slice that begins at a word", Json::array({with_text})},
    };
    for (const auto& [name, json] : cases)
        EXPECT_EQ(kind_of([&] { timeline(json); }), errc::format) << name;
}

struct BenchHtml : testing::Test {
    Folder folder;
    std::string html = folder.path("page.html");

    static Outcome bench(const std::vector<std::string>& arguments) {
        return run(arguments, {.program = TZ_BENCH_PROGRAM});
    }

    std::string written() const {
        std::ifstream file(html);
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

TEST_F(BenchHtml, MakesAPageOfAResultAndATrace) {
    const std::string json = folder.write("result.json", result().dump());
    const std::string trace =
        folder.write("trace.json", Json::array({slice(11, "read", 0, 5, 10, 0)}).dump());
    folder.write("page.html", "an older one");
    const Outcome outcome = bench({"html", json, html, "--trace", trace});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(text_of(written(), "result-data")), result());
    EXPECT_EQ(Json::parse(text_of(written(), "timeline-data")).at("slices").size(), 1u);
}

TEST_F(BenchHtml, NamesTheFileThatIsWrongAndLeavesAnOlderPageAlone) {
    const std::string good = folder.write("result.json", result().dump());
    const std::string other = folder.write("other.json", "{}");
    const std::string text = folder.write("text.json", "no JSON");
    folder.write("page.html", "an older one");

    const struct {
        std::vector<std::string> arguments;
        int code;
        std::string named;
    } cases[] = {
        {{other, html}, 6, other},
        {{text, html}, 6, text},
        {{good, html, "--trace", other}, 6, other},
        {{folder.path("none"), html}, 3, folder.path("none")},
        {{good, folder.path("none/page.html")}, 3, folder.path("none/page.html")},
    };

    for (auto [arguments, code, named] : cases) {
        arguments.insert(arguments.begin(), "html");
        const Outcome outcome = bench(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_NE(outcome.err.find(named), std::string::npos) << outcome.err;
        EXPECT_EQ(written(), "an older one");
    }
}

TEST_F(BenchHtml, OfALoadHasItsFiguresAndATraceOfOneLoadMore) {
    const std::string file = folder.path("x.tensors");
    const std::string json = folder.path("result.json");
    write_tensors(file, 30'000'000);
    const Outcome outcome = bench(
        {"load",
         file,
         "--warm",
         "--runs=1",
         "--warmup=0",
         "--no-fio",
         "--modes=plain",
         "-q",
         "--export-json=" + json,
         "--html=" + html});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::ifstream exported(json);
    EXPECT_EQ(Json::parse(text_of(written(), "result-data")), Json::parse(exported));
    const Json drawn = Json::parse(text_of(written(), "timeline-data"));
    EXPECT_EQ(drawn.at("done").back().at(1), 30'000'012);
    EXPECT_EQ(drawn.at("labels"), Json({"x.tensors, from the page cache, hashes checked"}));
}

TEST_F(BenchHtml, ThatCantBeWrittenFailsBeforeTheLoad) {
    const std::string file = folder.path("x.tensors");
    write_tensors(file, 3'000'000);
    const Outcome outcome = bench({"load", file, "--html", folder.path("no/page.html")});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_NE(outcome.err.find("no/page.html"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
}

} // namespace
} // namespace tz::test
