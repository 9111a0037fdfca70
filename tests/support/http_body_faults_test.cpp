// Bodies that end early, late, slowly or wrong, as they show on the wire.
#include "raw_client.hpp"

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using Kind = FaultKind;
using End = RawClient::End;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What came of one request, and how it ended.
struct Came {
    Answer answer{};
    End end = End::open;
    milliseconds time{0};
};

Came come(const std::vector<Fault>& faults, milliseconds quiet = milliseconds(5000)) {
    const FaultyServer faulty(faults);
    const auto start = steady_clock::now();
    RawClient client(faulty.server.port());
    client.ask("/o");
    Came came;
    came.answer = client.answer(true);
    came.answer.body = client.rest(quiet);
    came.end = client.end;
    came.time = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    return came;
}

std::string content(std::size_t bytes = 1000) {
    return text_of(generated_object(1000).all()).substr(0, bytes);
}

TEST(HttpBodyFault, ClosesAfterBytes) {
    for (const std::size_t at : {0u, 1u, 999u, 1000u, 2000u}) {
        const Came came = come({{Kind::close_after, at}});
        EXPECT_EQ(came.answer.status, 200);
        EXPECT_EQ(came.answer.field("Content-Length"), "1000");
        EXPECT_EQ(came.answer.body, content(at));
        EXPECT_EQ(came.end, End::closed);
    }
}

TEST(HttpBodyFault, ResetsAfterBytes) {
    for (const std::size_t at : {0u, 500u, 1000u}) {
        const Came came = come({{Kind::reset_after, at}});
        EXPECT_EQ(came.answer.body, content(at));
        EXPECT_EQ(came.end, End::reset);
    }
}

TEST(HttpBodyFault, StopsAtTheFirstOfTwoEnds) {
    const Came came = come({{Kind::reset_after, 600}, {Kind::close_after, 300}});
    EXPECT_EQ(came.answer.body, content(300));
    EXPECT_EQ(came.end, End::closed);
}

TEST(HttpBodyFault, StallsAndGoesOn) {
    const Came came = come(
        {{.kind = Kind::stall_after, .at = 500, .time = milliseconds(150)}}, milliseconds(400));
    EXPECT_EQ(came.answer.body, content());
    EXPECT_GE(came.time, milliseconds(150 + 400));
    EXPECT_EQ(came.end, End::open);
}

TEST(HttpBodyFault, StallsForEver) {
    const Came came = come({{Kind::stall_after, 500}}, milliseconds(150));
    EXPECT_EQ(came.answer.body, content(500));
    EXPECT_EQ(came.end, End::open);
}

TEST(HttpBodyFault, Drips) {
    const FaultyServer faulty(
        {{.kind = Kind::drip, .at = 900, .amount = 20, .time = milliseconds(20)}});
    const auto start = steady_clock::now();
    EXPECT_EQ(faulty.get().body, content());
    // the last of the five is not waited for
    EXPECT_GE(steady_clock::now() - start, milliseconds(80));
}

TEST(HttpBodyFault, DripsTheHead) {
    const FaultyServer faulty({{.kind = Kind::drip_head, .amount = 50, .time = milliseconds(20)}});
    RawClient client(faulty.server.port());
    const auto start = steady_clock::now();
    client.ask("/o");
    EXPECT_LE(client.some().size(), 100u);
    EXPECT_TRUE(client.rest(milliseconds(300)).ends_with(content()));
    EXPECT_GE(steady_clock::now() - start, milliseconds(80 + 300));
}

TEST(HttpBodyFault, CutsTheHead) {
    const FaultyServer faulty({{Kind::cut_head, 12}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    EXPECT_EQ(client.rest(), "HTTP/1.1 200");
    EXPECT_EQ(client.end, End::closed);
}

TEST(HttpBodyFault, PromisesMoreThanItSends) {
    const Came came = come({{.kind = Kind::short_body, .amount = 3}});
    EXPECT_EQ(came.answer.field("Content-Length"), "1000");
    EXPECT_EQ(came.answer.body, content(997));
    EXPECT_EQ(came.end, End::closed);
}

TEST(HttpBodyFault, SendsMoreThanItPromised) {
    const Came came = come({{.kind = Kind::long_body, .amount = 3}}, milliseconds(100));
    EXPECT_EQ(came.answer.field("Content-Length"), "1000");
    EXPECT_EQ(came.answer.body, content() + "xxx");
    EXPECT_EQ(came.end, End::open);
}

TEST(HttpBodyFault, FlipsOneBit) {
    const FaultyServer faulty({{Kind::flip, 77}});
    const std::string body = faulty.get().body;
    ASSERT_EQ(body.size(), 1000u);
    for (std::size_t i = 0; i < body.size(); ++i)
        EXPECT_EQ(body[i] != faulty.content[i], i == 77) << i;
    EXPECT_EQ(body[77] ^ faulty.content[77], 0x10);
}

TEST(HttpBodyFault, WritesSingleBytes) {
    EXPECT_EQ(FaultyServer({{Kind::single_bytes}}).get().body, content());
    EXPECT_EQ(FaultyServer({{.kind = Kind::single_bytes, .amount = 10}}).get().body, content());
    // at a rate that lets each byte be seen
    HttpServerOptions options = FaultyServer::options_of({{Kind::single_bytes}});
    options.connection_rate = 2000;
    HttpServer server(options);
    server.put("/o", text_object("abc"));
    RawClient client(server.port());
    client.ask("/o");
    client.answer(true);
    EXPECT_EQ(client.some().size(), 1u);
}

} // namespace
} // namespace tz::test
