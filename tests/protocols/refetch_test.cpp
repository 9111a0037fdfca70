// Loads from a server that flips bits: once, which nobody notices, or always.
#include "http_load.hpp"
#include <tz/format/hash.hpp>

#include <cstdio>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::Fault;
using test::FaultKind;
using test::HttpServer;
using test::Rule;
using test::Sample;

struct Row {
    const char* name;
    bool encrypted = false;
    std::uint64_t piece_bytes = format::usual_piece_bytes;
    std::size_t chunk_bytes = 0;
    Verify verify = Verify::automatic;
    Memory memory = Memory::owned;
};

const Row rows[] = {
    {"CRC-32, one chunk"},
    {"CRC-32, one chunk, nowhere", false, 0, 0, Verify::automatic, Memory::none},
    {"CRC-32, several chunks", false, 0, 64 << 10},
    {"SHA-256, one chunk", false, 0, 0, Verify::sha256},
    {"SHA-256, several chunks", false, 0, 64 << 10, Verify::sha256},
    {"both, several chunks, nowhere", false, 0, 64 << 10, Verify::all, Memory::none},
    {"MAC, one piece a chunk", true, 64 << 10, 64 << 10},
    {"MAC, several pieces a chunk", true, 16 << 10, 64 << 10},
    {"MAC, all in one chunk", true, 16 << 10, 0},
    {"MAC, all in one chunk, hashed", true, 16 << 10, 0, Verify::all},
    {"MAC, all in one chunk, nowhere", true, 16 << 10, 0, Verify::all, Memory::none},
    {"MAC, gathered", true, 320'000, 64 << 10},
    {"MAC, gathered, odd pieces", true, 100'032, 64 << 10, Verify::all},
    {"MAC, gathered, nowhere", true, 320'000, 64 << 10, Verify::all, Memory::none},
};

class Refetch : public test::HttpLoad {
protected:
    void serve(const Row& row) {
        row_ = row;
        SaveOptions saving;
        if (row.encrypted) {
            saving.key = options_.key = test::sample_key();
            saving.piece_bytes = row.piece_bytes;
        }
        options_.verify = row.verify;
        options_.memory = row.memory;
        options_.digests = true;
        server_.put("/m", test::held_object(bytes_of(sample_, saving)));
    }

    /// One lane: the requests come in the order of the file.
    Loaded load_it() {
        EngineOptions options;
        options.concurrency = 1;
        options.chunk_bytes = row_.chunk_bytes;
        options.log = logged_.log();
        Engine engine(options);
        return load(engine, open(server_.url("/m")), options_);
    }

    void expect_right(const Loaded& loaded) {
        if (options_.memory != Memory::none)
            expect_same(loaded, sample_);
        ASSERT_EQ(loaded.digests.size(), sample_.data.size());
        for (std::size_t i = 0; i < sample_.data.size(); ++i)
            EXPECT_EQ(loaded.digests[i], format::sha256(sample_.data[i])) << i;
    }

    /// The request of an undisturbed load that brings the byte, and where the byte stands in it.
    std::pair<std::uint64_t, std::uint64_t> find(std::uint64_t offset) {
        const std::size_t before = server_.requests().size();
        load_it();
        const auto requests = server_.requests();
        for (std::size_t i = before + 1; i < requests.size(); ++i) { // but for the index
            unsigned long long first = 0;
            unsigned long long last = 0;
            std::sscanf(requests[i].range().c_str(), "bytes=%llu-%llu", &first, &last);
            if (first <= offset && offset <= last)
                return {i - before, offset - first};
        }
        ADD_FAILURE() << "nobody reads byte " << offset;
        return {};
    }

    void flip(std::uint64_t first, std::uint64_t last, std::uint64_t at) {
        const Fault flip{.kind = FaultKind::flip, .at = at};
        server_.add(Rule{.path = "/m", .first = first, .last = last, .faults = {flip}});
    }

    /// Warnings of damage.
    std::ptrdiff_t said() const {
        const auto lines = logged_.lines();
        return std::ranges::count_if(lines, [](const std::string& line) {
            return line.find("came damaged") != std::string::npos;
        });
    }

    format::Tensor tensor(std::size_t index) {
        Engine engine;
        return read_layout(engine, open(server_.url("/m"))).tensors[index];
    }

    HttpServer server_;
    Row row_{};
    LoadOptions options_;
};

TEST_F(Refetch, OfWhatIsDamagedOnceMakesItRight) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        serve(row);
        const auto data = tensor(1).data;
        for (const std::uint64_t offset : {data.offset, data.offset + 140'000, data.end() - 1}) {
            const auto [request, at] = find(offset);
            const auto lines = said();
            flip(request, request, at);
            const Loaded loaded = load_it();
            server_.clear_rules();
            expect_right(loaded);
            EXPECT_EQ(loaded.stats.refetched, 1u);
            EXPECT_EQ(loaded.stats.connections, 2u) << "another one";
            EXPECT_EQ(loaded.stats.retries, 0u);
            EXPECT_EQ(said(), lines + 1);
        }
    }
}

TEST_F(Refetch, HappensOnce) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        serve(row);
        const auto data = tensor(1).data;
        const auto [request, at] = find(data.offset + 140'000);
        // a piece comes when its chunk is there, or its tensor; a tensor behind its header
        const std::uint64_t last = find(data.end() - 1).first;
        const bool gathered = row.piece_bytes > 64 << 10;
        const std::uint64_t again = row.encrypted ? (gathered ? last : request) + 1 : last + 2;
        const std::size_t before = server_.requests().size();
        flip(request, request, at);
        flip(again, again, 7);
        const auto error = test::error_of([&] { load_it(); });
        server_.clear_rules();
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), row.encrypted ? errc::auth : errc::integrity) << error->what();
        EXPECT_NE(error->source().find("/m"), std::string::npos);
        EXPECT_LE(server_.requests().size() - before, again + 1 + (row.encrypted ? 0 : 4));
    }
}

TEST_F(Refetch, OfManyDamagedPiecesIsOneOfEach) {
    serve({"", true, 16 << 10});
    const auto data = tensor(1).data;
    const auto [request, at] = find(data.offset + 3);
    flip(request, request, at);
    flip(request, request, at + (16 << 10));
    flip(request, request, at + 5 * (16 << 10));
    const Loaded loaded = load_it();
    expect_right(loaded);
    EXPECT_EQ(loaded.stats.refetched, 3u);
}

TEST_F(Refetch, OfOneTensorLeavesItsNeighboursAlone) {
    serve({"", false, 0, 0, Verify::all});
    const auto [request, at] = find(tensor(1).data.offset);
    flip(request, request, at);
    std::vector<std::string> delivered;
    options_.deliver = [&](const Delivered& one) {
        const std::size_t index = delivered.size();
        EXPECT_TRUE(std::ranges::equal(one.bytes, sample_.data[index])) << index;
        delivered.push_back("one more");
    };
    expect_right(load_it());
    EXPECT_EQ(delivered.size(), sample_.data.size());
}

TEST_F(Refetch, MendsAHeaderThatCannotBeParsed) {
    for (const bool encrypted : {false, true}) {
        serve({"", encrypted});
        const auto [request, at] = find(tensor(3).header.offset + 1); // its length
        flip(request, request, at);
        const Loaded loaded = load_it();
        server_.clear_rules();
        expect_right(loaded);
        EXPECT_EQ(loaded.stats.refetched, 1u);
    }
}

TEST_F(Refetch, GivesUpAHeaderThatIsWrongTwice) {
    serve({""});
    const auto [request, at] = find(tensor(3).header.offset + 1);
    flip(request, request + 1, at);
    const auto error = test::error_of([&] { load_it(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::format) << error->what();
}

TEST_F(Refetch, DoesNotHelpWithAWrongKey) {
    serve({"", true});
    options_.key = test::secret(std::string(32, 'k'));
    const auto error = test::error_of([&] { load_it(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::auth);
    EXPECT_EQ(said(), 0) << "nothing was mended";
    EXPECT_EQ(server_.requests().size(), 3u) << "index, chunk, and a piece once more";
}

TEST_F(Refetch, WorksWithManyLanesAtOnce) {
    serve({"", true, 64 << 10, 64 << 10, Verify::all});
    test::HttpServerOptions slow;
    slow.delay = 500ms; // so that all lanes ask before one of them asks again
    network_.transport.first_byte_timeout = 10s;
    HttpServer server(slow);
    server.put("/m", *server_.object("/m"));
    server.add(Rule{.first = 1, .last = 8, .faults = {{.kind = FaultKind::flip, .at = 5000}}});
    EngineOptions options;
    options.chunk_bytes = row_.chunk_bytes;
    Engine engine(options);
    const Loaded loaded = load(engine, open(server.url("/m")), options_);
    expect_right(loaded);
    EXPECT_GE(loaded.stats.refetched, 1u);
}

} // namespace
} // namespace tz
