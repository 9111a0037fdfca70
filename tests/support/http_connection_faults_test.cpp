// Connections that are refused, dropped or never answered, as they show to a client.
#include "raw_client.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <thread>

namespace tz::test {
namespace {

using Kind = FaultKind;
using End = RawClient::End;
using std::chrono::milliseconds;

class HttpConnectionFault : public testing::Test {
protected:
    void SetUp() override { server_.put("/o", text_object("text")); }

    HttpServer server_;
};

TEST(HttpRequestFault, IsNeverAnswered) {
    const FaultyServer faulty({{Kind::no_answer}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    EXPECT_EQ(client.rest(milliseconds(150)), "");
    EXPECT_EQ(client.end, End::open);
    EXPECT_EQ(faulty.server.counts().requests, 1u);
}

TEST(HttpRequestFault, IsAnsweredLate) {
    const FaultyServer faulty({{.kind = Kind::no_answer, .time = milliseconds(100)}});
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(faulty.get().body, faulty.content);
    EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(100));
}

TEST(HttpRequestFault, EndsTheConnectionInTheRequestsBody) {
    const FaultyServer faulty({{.kind = Kind::reset_in_request, .at = 3}});
    RawClient client(faulty.server.port());
    client.send("PUT /o HTTP/1.1\r\nContent-Length: 100\r\n\r\nabcd");
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, End::reset);
    EXPECT_EQ(faulty.server.counts().requests, 1u);
}

TEST(HttpRequestFault, StopsReadingTheRequestsBody) {
    const FaultyServer faulty({{.kind = Kind::stall_in_request, .at = 3}});
    RawClient client(faulty.server.port());
    client.send("PUT /o HTTP/1.1\r\nContent-Length: 100\r\n\r\nabcd");
    EXPECT_EQ(client.rest(milliseconds(150)), "");
    EXPECT_EQ(client.end, End::open);
}

TEST(HttpRequestFault, IsAnsweredByAnEnd) {
    for (const Kind kind : {Kind::close_unanswered, Kind::reset_unanswered}) {
        const FaultyServer faulty({{kind}});
        RawClient client(faulty.server.port());
        client.ask("/o");
        EXPECT_EQ(client.rest(), "");
        EXPECT_EQ(client.end, kind == Kind::close_unanswered ? End::closed : End::reset);
    }
}

TEST_F(HttpConnectionFault, MeetsTheConnectionsItIsFor) {
    server_.add(ConnectionRule{1, 1, {Kind::drop_reset}});
    EXPECT_EQ(ask(server_, "/o").status, 200);
    RawClient client(server_.port());
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, End::reset);
    EXPECT_EQ(ask(server_, "/o").status, 200);
}

TEST_F(HttpConnectionFault, DropsAfterAccepting) {
    server_.add(ConnectionRule{.fault = {Kind::drop}});
    RawClient client(server_.port());
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, End::closed);
}

TEST_F(HttpConnectionFault, NeverReads) {
    server_.add(ConnectionRule{.fault = {Kind::mute}});
    RawClient client(server_.port());
    client.ask("/o");
    EXPECT_EQ(client.rest(milliseconds(150)), "");
    EXPECT_EQ(client.end, End::open);
    EXPECT_EQ(server_.counts().requests, 0u);
}

TEST_F(HttpConnectionFault, RefusesUntilItAcceptsAgain) {
    RawClient old(server_.port());
    old.ask("/o");
    EXPECT_EQ(old.answer().body, "text");
    server_.refuse();
    EXPECT_EQ(RawClient(server_.port()).connect_error(), ECONNREFUSED);
    old.ask("/o");
    EXPECT_EQ(old.answer().body, "text");
    server_.accept_again();
    EXPECT_EQ(ask(server_, "/o").body, "text");
}

/// A socket that does not wait for its connection.
class Knock {
public:
    explicit Knock(std::uint16_t port)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }

    ~Knock() { ::close(socket_); }

    Knock(const Knock&) = delete;
    Knock& operator=(const Knock&) = delete;

    bool answered(milliseconds within) const {
        pollfd one{socket_, POLLOUT, 0};
        return ::poll(&one, 1, static_cast<int>(within.count())) > 0;
    }

private:
    const int socket_;
};

TEST_F(HttpConnectionFault, NeitherAcceptsNorRefusesWithAFullBacklog) {
    server_.fill_backlog();
    const Knock knock(server_.port());
    EXPECT_FALSE(knock.answered(milliseconds(300)));
    server_.accept_again();
    EXPECT_TRUE(knock.answered(milliseconds(5000))); // the kernel has tried again
    EXPECT_EQ(ask(server_, "/o").body, "text");
}

TEST_F(HttpConnectionFault, DropsAllThatAreOpen) {
    RawClient idle(server_.port());
    idle.ask("/o");
    EXPECT_EQ(idle.answer().body, "text");
    server_.drop_connections();
    EXPECT_EQ(idle.rest(), "");
    EXPECT_NE(idle.end, End::open);
    EXPECT_EQ(server_.counts().open, 0u);
    EXPECT_EQ(ask(server_, "/o").body, "text");
}

TEST_F(HttpConnectionFault, ClosesWhatIsIdle) {
    HttpServer server({.idle_time = milliseconds(100)});
    RawClient client(server.port());
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, End::closed);
}

} // namespace
} // namespace tz::test
