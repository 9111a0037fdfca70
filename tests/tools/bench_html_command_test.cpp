// `tz-bench html` and `tz-bench load --html`: which files they make of which.
#include "support/bench_page.hpp"
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tz::test {
namespace {

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
    const std::string json = folder.write("result.json", bench_result().dump());
    const std::string trace =
        folder.write("trace.json", Json::array({slice(11, "read", 0, 5, 10, 0)}).dump());
    folder.write("page.html", "an older one");
    const Outcome outcome = bench({"html", json, html, "--trace", trace});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(text_of(written(), "result-data")), bench_result());
    EXPECT_EQ(Json::parse(text_of(written(), "timeline-data")).at("slices").size(), 1u);
}

TEST_F(BenchHtml, NamesTheFileThatIsWrongAndLeavesAnOlderPageAlone) {
    const std::string good = folder.write("result.json", bench_result().dump());
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

TEST_F(BenchHtml, OfALoadFromAServerTellsNoSecretOfTheUrl) {
    const std::string file = folder.path("x.tensors");
    write_tensors(file, 3'000'000);
    std::ifstream stored(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stored), {}};
    HttpServer server;
    server.put("/m/x.tensors", text_object(text));
    const std::string secret = "cAnArY7531";
    const Outcome outcome =
        run({"load",
             server.url("/m/x.tensors") + "?X-Amz-Signature=" + secret,
             "--runs=1",
             "--warmup=0",
             "--modes=plain",
             "-q",
             "--html=" + html},
            {.program = TZ_BENCH_PROGRAM, .environment = {"no_proxy=*"}});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(written().find(secret), std::string::npos);
    const Json drawn = Json::parse(text_of(written(), "timeline-data"));
    EXPECT_EQ(
        drawn.at("labels"), Json({"x.tensors?X-Amz-Signature=..., from a server, hashes checked"}));
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
