// fetch() of sources that behave like objects on a server, and of files beside them.
#include <tz/engine/fetch.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/sha256.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/remote_load.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>

namespace tz {
namespace {

using namespace std::chrono_literals;

class FetchTest : public test::RemoteTest {
protected:
    FetchFile remote(const std::string& name, std::size_t bytes, std::uint64_t seed = 1) {
        auto content = test::random_bytes(bytes, seed);
        expected_[name] = content;
        auto source = std::make_shared<test::SlowSource>(name, host_, std::move(content));
        return {std::move(source), to_ / name, {}};
    }

    FetchFile local(const std::string& name, std::size_t bytes) {
        expected_[name] = test::random_bytes(bytes, 7);
        test::write_file(folder_ / name, expected_[name]);
        return {open_file(folder_ / name), to_ / name, {}};
    }

    void expect_written() const {
        for (const auto& [name, bytes] : expected_)
            EXPECT_TRUE(test::read_file(to_ / name) == bytes) << name;
        EXPECT_EQ(files(), expected_.size());
    }

    std::size_t files() const {
        const std::filesystem::directory_iterator all(to_.path());
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

    Error failure_of(const std::vector<FetchFile>& files, const FetchOptions& options = {}) {
        Engine engine;
        try {
            fetch(engine, files, options);
        } catch (const Error& error) {
            return error;
        }
        ADD_FAILURE() << "did not fail";
        return Error(errc::io, "none");
    }

    test::TempFolder to_;
    std::map<std::string, std::vector<std::byte>> expected_;
};

TEST_F(FetchTest, WritesObjectsOfAllSizes) {
    constexpr std::size_t first = 1 << 20; // what the first request asks for
    std::vector<FetchFile> files;
    int number = 0;
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, first - 1, first, first + 1, 9 * first + 5, 40 * first}) {
        ++number;
        files.push_back(remote("o" + std::to_string(number), bytes, number));
    }
    Engine engine;
    const LoadStats stats = fetch(engine, files);
    expect_written();
    EXPECT_EQ(stats.tensors, files.size());
    EXPECT_EQ(stats.bytes, 52 * first + 6);
    EXPECT_EQ(stats.read_bytes, stats.bytes) << "nothing is read twice";
    EXPECT_EQ(stats.requests, host_->requests);
    EXPECT_EQ(host_->connections.now(), 0) << "closed at the end";
}

TEST_F(FetchTest, ReadsASmallObjectInOneRequest) {
    Engine engine;
    const std::vector files{remote("small", 100'000)};
    EXPECT_EQ(fetch(engine, files).requests, 1u);
    expect_written();
}

TEST_F(FetchTest, ReadsManyPartsAtOnce) {
    host_->flight = 2ms;
    Engine engine;
    const std::vector files{remote("large", 64 << 20)};
    const LoadStats stats = fetch(engine, files);
    expect_written();
    EXPECT_GT(host_->answers.most(), 4);
    EXPECT_LE(stats.connections, 16u);
}

TEST_F(FetchTest, TakesFilesAndObjectsTogether) {
    host_->flight = 1ms;
    Engine engine;
    const std::vector files{
        remote("a", 3 << 20), local("b", 5'000'001), remote("c", 10), local("d", 0)};
    fetch(engine, files);
    expect_written();
}

TEST_F(FetchTest, KeepsToTheMemoryLimit) {
    EngineOptions options;
    options.memory_limit = 2 << 20;
    options.chunk_bytes = 256 << 10;
    Engine engine(options);
    const std::vector files{remote("large", 64 << 20)};
    EXPECT_LE(fetch(engine, files).staging_bytes, options.memory_limit);
    expect_written();
}

TEST_F(FetchTest, ParksLanesAsItsPacerSays) {
    host_->flight = 1ms;
    pace([](const PaceSample& sample) { return sample.bytes > (16u << 20) ? 1u : 12u; });
    Engine engine;
    const std::vector files{remote("large", 128 << 20)};
    FetchOptions watched;
    watched.deadline = 60s; // the supervising thread then looks every 10 ms
    fetch(engine, files, watched);
    expect_written();
}

TEST_F(FetchTest, ChecksTheSha256) {
    std::vector files{remote("a", 5'000'000), remote("b", 100)};
    files[0].sha256 = format::sha256(expected_["a"]);
    files[1].sha256 = format::sha256(expected_["b"]);
    {
        Engine engine;
        fetch(engine, files);
        expect_written();
    }
    FetchOptions again;
    again.replace = true;
    files[0].sha256 = files[1].sha256;
    const Error error = failure_of(files, again);
    EXPECT_EQ(error.kind(), errc::integrity);
    EXPECT_EQ(error.source(), "a");
    expect_written(); // what was there stays
}

TEST_F(FetchTest, LeavesNothingWhenAnyRequestFails) {
    const std::vector files{remote("a", 20 << 20), remote("b", 100), local("c", 1000)};
    for (std::uint64_t bad = 0; bad < 4; ++bad) {
        host_->requests = 0;
        host_->before_answer = [bad](std::uint64_t request) {
            if (request == bad)
                throw Error(errc::transport, "the server is gone");
        };
        const Error error = failure_of(files);
        EXPECT_EQ(error.kind(), errc::transport) << error.what();
        EXPECT_TRUE(error.source() == "a" || error.source() == "b") << error.source();
        EXPECT_EQ(this->files(), 0u);
        EXPECT_EQ(host_->connections.now(), 0);
    }
}

TEST_F(FetchTest, LeavesNothingWhenItIsStoppedOrLate) {
    host_->flight = 50ms;
    const std::vector files{remote("a", 200 << 20)};
    for (const bool late : {false, true}) {
        std::stop_source stop;
        FetchOptions options;
        options.stop = stop.get_token();
        if (late)
            options.deadline = 60ms;
        else
            options.progress = [&stop](const Progress& progress) {
                EXPECT_EQ(progress.bytes_total, 200u << 20);
                stop.request_stop();
            };
        EXPECT_EQ(failure_of(files, options).kind(), late ? errc::deadline : errc::cancelled);
        EXPECT_EQ(this->files(), 0u);
    }
}

TEST_F(FetchTest, RefusesPathsThatAreTaken) {
    std::vector files{remote("a", 10), remote("b", 10)};
    test::write_file(to_ / "b", expected_["a"]);
    EXPECT_EQ(failure_of(files).kind(), errc::usage);
    EXPECT_EQ(this->files(), 1u);
    EXPECT_EQ(host_->requests, 0u) << "is known before anything is asked for";
    files[1].path = files[0].path;
    EXPECT_EQ(failure_of(files).kind(), errc::usage);
    EXPECT_EQ(failure_of({}).kind(), errc::usage);
}

TEST_F(FetchTest, ReplacesNothingThatCameMeanwhile) {
    const std::vector files{remote("a", 10)};
    host_->before_answer = [this](std::uint64_t) { test::write_file(to_ / "a", {}); };
    EXPECT_EQ(failure_of(files).kind(), errc::usage);
    EXPECT_TRUE(test::read_file(to_ / "a").empty());
    EXPECT_EQ(this->files(), 1u);
}

TEST_F(FetchTest, TellsThatALocalSourceWasWrittenTo) {
    const std::vector files{local("a", 1000), remote("b", 10)};
    host_->before_answer = [this](std::uint64_t) {
        test::write_file(folder_ / "a", test::random_bytes(1001));
    };
    EXPECT_EQ(failure_of(files).kind(), errc::object_changed);
    EXPECT_EQ(this->files(), 0u);
}

TEST_F(FetchTest, CountsItsProgress) {
    const std::vector files{remote("a", 30 << 20), remote("b", 100)};
    host_->flight = 1ms;
    Progress last;
    FetchOptions options;
    options.progress = [&last](const Progress& now) {
        EXPECT_EQ(now.phase, Phase::tensors);
        EXPECT_GE(now.bytes_done, last.bytes_done);
        last = now;
    };
    Engine engine;
    fetch(engine, files, options);
    EXPECT_EQ(last.bytes_done, (30u << 20) + 100);
    EXPECT_EQ(last.bytes_total, last.bytes_done);
    EXPECT_EQ(last.tensors_done, 2u);
}

} // namespace
} // namespace tz
