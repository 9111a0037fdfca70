// The traces that `tz load --trace` writes, against the rules that viewers keep.
#include "support/files.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <vector>

namespace tz::test {
namespace {

using Json = nlohmann::json;

struct TraceFile : testing::Test {
    Folder folder;
    std::string file = folder.path("x.tensors");
    std::string path = folder.path("trace.json");

    TraceFile() { write_tensors(file, 30'000'000); }

    std::string written(std::vector<std::string> arguments, int code = 0) const {
        arguments.insert(arguments.begin(), "load");
        arguments.push_back("--trace");
        arguments.push_back(path);
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, code) << outcome.err;
        std::ifstream text(path);
        return {std::istreambuf_iterator<char>(text), {}};
    }
};

std::int64_t nanoseconds(const Json& microseconds) {
    return std::llround(microseconds.get<double>() * 1000);
}

TEST_F(TraceFile, NamesItsTracksInAsciiAndNoneIsTheMainThread) {
    const std::string text = written({file, "--verify", "all"});
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c > 0; }));
    std::map<int, std::string> names;
    std::set<int> used;
    for (const Json& event : Json::parse(text)) {
        if (event["ph"] == "M" && event["name"] == "thread_name")
            names[event["tid"]] = event["args"]["name"];
        if (event["ph"] == "X") {
            used.insert(event["tid"].get<int>());
            EXPECT_NE(event["tid"], event["pid"]);
        }
    }
    EXPECT_FALSE(used.empty());
    for (const int track : used)
        EXPECT_TRUE(names[track].starts_with("lane ")) << track;
}

TEST_F(TraceFile, HasSlicesThatDontOverlapOnATrack) {
    std::map<int, std::vector<std::pair<std::int64_t, std::int64_t>>> tracks;
    std::set<std::string> stages;
    for (const Json& event : Json::parse(written({file, "--verify", "all"}))) {
        if (event["ph"] != "X")
            continue;
        stages.insert(event["name"]);
        const std::int64_t begin = nanoseconds(event["ts"]);
        const std::int64_t length = nanoseconds(event["dur"]);
        EXPECT_GE(length, 0);
        tracks[event["tid"]].emplace_back(begin, begin + length);
    }
    EXPECT_TRUE(stages.contains("read"));
    EXPECT_TRUE(stages.contains("verify"));
    for (auto& [track, slices] : tracks) {
        std::sort(slices.begin(), slices.end());
        for (std::size_t i = 1; i < slices.size(); ++i)
            EXPECT_LE(slices[i - 1].second, slices[i].first) << "track " << track;
    }
}

TEST_F(TraceFile, FollowsEachChunkAndCountsThemDownToNone) {
    std::map<int, std::string> steps; // of each chunk's arrow
    double chunks = -1;
    double bytes = -1;
    double most = 0;
    for (const Json& event : Json::parse(written({file, "--verify", "all"}))) {
        const std::string kind = event["ph"];
        if (kind == "s" || kind == "t" || kind == "f")
            steps[event["id"]] += kind;
        if (kind == "C" && event["args"].contains("chunks"))
            most = std::max(most, chunks = event["args"]["chunks"]);
        if (kind == "C" && event["args"].contains("bytes"))
            bytes = event["args"]["bytes"];
    }
    EXPECT_GE(steps.size(), 7u);
    for (const auto& [chunk, arrow] : steps) {
        EXPECT_TRUE(arrow.starts_with('s') && arrow.ends_with('f')) << chunk << ": " << arrow;
        EXPECT_EQ(arrow.find_first_not_of('t', 1), arrow.size() - 1) << arrow;
    }
    EXPECT_EQ(chunks, 0);
    EXPECT_EQ(bytes, 0);
    EXPECT_GE(most, 1);
    EXPECT_LE(most, 16);
}

// What https://perfetto.dev takes: the Trace Event Format.
void expect_event(const Json& event) {
    static const std::map<std::string, std::set<std::string>> members{
        {"M", {"name", "pid", "args"}},
        {"X", {"name", "cat", "pid", "tid", "ts", "dur", "args"}},
        {"s", {"name", "cat", "id", "pid", "tid", "ts"}},
        {"t", {"name", "cat", "id", "pid", "tid", "ts"}},
        {"f", {"name", "cat", "id", "pid", "tid", "ts", "bp"}},
        {"C", {"name", "pid", "ts", "args"}}};
    static const std::set<std::string> metadata{
        "process_name", "process_labels", "thread_name", "thread_sort_index"};
    const std::string kind = event["ph"];
    ASSERT_TRUE(members.contains(kind)) << event;
    for (const std::string& member : members.at(kind))
        EXPECT_TRUE(event.contains(member)) << member << " of " << event;
    for (const char* number : {"pid", "tid", "ts", "dur"}) {
        if (event.contains(number)) {
            EXPECT_TRUE(event[number].is_number() && event[number] >= 0) << event;
        }
    }
    EXPECT_TRUE(kind != "M" || metadata.contains(event["name"])) << event;
}

TEST_F(TraceFile, KeepsTheFormatWhicheverCommandWritesIt) {
    const std::string copy = folder.path("copy");
    const std::vector<std::vector<std::string>> commands{
        {"load", file},
        {"verify", file},
        {"checksum", file},
        {"fetch", file, copy},
        {"convert", file, folder.path("other.tensors")}};
    for (std::vector<std::string> command : commands) {
        SCOPED_TRACE(command[0]);
        command.insert(command.end(), {"--trace", path});
        const Outcome outcome = run(command);
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        const Json events = Json::parse(std::ifstream(path));
        double last = 0; // begin of a slice
        double longest = 0;
        for (const Json& event : events) {
            expect_event(event);
            if (event["ph"] != "X")
                continue;
            EXPECT_GE(event["ts"].get<double>(), last);
            last = event["ts"];
            longest = std::max(longest, last + event["dur"].get<double>());
        }
        EXPECT_GT(longest, 0);
        EXPECT_LT(longest, 60e6) << "microseconds of less than a minute";
        EXPECT_EQ(events[0]["name"], "process_name");
        EXPECT_EQ(events[0]["args"]["name"], "tz " + command[0]);
    }
}

TEST_F(TraceFile, OfACopyShowsReadingAndWriting) {
    ASSERT_EQ(run({"fetch", file, folder.path("copy"), "--trace", path}).code, 0);
    std::map<std::string, std::uint64_t> bytes;
    for (const Json& event : Json::parse(std::ifstream(path)))
        if (event["ph"] == "X")
            bytes[event["name"]] += event["args"]["bytes"].get<std::uint64_t>();
    EXPECT_EQ(bytes["read"], std::filesystem::file_size(file));
    EXPECT_EQ(bytes["put"], std::filesystem::file_size(file));
}

TEST_F(TraceFile, IsWrittenOfAFailedLoadToo) {
    damage(file, 30'000'000);
    const Json events = Json::parse(written({file}, 6));
    EXPECT_TRUE(std::any_of(
        events.begin(), events.end(), [](const Json& event) { return event["ph"] == "X"; }));
}

TEST_F(TraceFile, ThatFindsNoRoomComesAfterTheResultAndLeavesNothing) {
    folder.write("trace.json", "old");
    RunOptions options;
    options.file_bytes = 100;
    const Outcome outcome = run({"load", file, "--trace", path}, options);
    EXPECT_EQ(outcome.code, 7) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("loaded ")) << outcome.out;
    EXPECT_NE(outcome.err.find(path), std::string::npos) << outcome.err;
    std::string kept;
    std::getline(std::ifstream(path), kept);
    EXPECT_EQ(kept, "old");
    std::size_t names = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path(".")))
        names += entry.is_regular_file() ? 1 : 0;
    EXPECT_EQ(names, 2u) << "no temporary file is left";
}

TEST_F(TraceFile, MayBeADevice) {
    EXPECT_EQ(run({"load", file, "--trace", "/dev/null"}).code, 0);
    EXPECT_EQ(run({"load", file, "--trace", "/dev/full"}).code, 7);
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(TraceFile, ThatCantBeWrittenFailsBeforeTheLoad) {
    const Outcome outcome = run({"load", file, "--trace", folder.path("no/such/folder")});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_NE(outcome.err.find("no/such/folder"), std::string::npos) << outcome.err;
}

} // namespace
} // namespace tz::test
