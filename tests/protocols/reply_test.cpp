#include "../support/files.hpp"
#include "client.hpp"
#include "raw_server.hpp"

#include <chrono>
#include <thread>

namespace tz {

namespace {

using namespace test;
using std::chrono::milliseconds;

std::string many_headers(std::size_t count, const std::string& header) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n";
    for (std::size_t i = 0; i < count; ++i)
        text += header;
    return text + "\r\nx";
}

std::string with_headers(const std::string& headers) {
    return "HTTP/1.1 200 OK\r\n" + headers + "\r\nx";
}

std::string flood(unsigned count) {
    std::string text;
    for (unsigned i = 0; i < count; ++i)
        text += "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    return text + reply_with("x");
}

TEST(Connection, RefusesHeadsThatCouldMeanTwoThings) {
    const std::string fine = "Content-Length: 1\r\n";
    const std::vector<std::string> heads = {
        with_headers("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        with_headers("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
        with_headers("Content-Length: 1\r\nContent-Length: 2\r\n"),
        with_headers("Content-Length: 1\r\nContent-Length: 1\r\n"),
        with_headers("Content-Length: 1, 1\r\n"),
        with_headers("Content-Length: +1\r\n"),
        with_headers("Content-Length: -1\r\n"),
        with_headers("Content-Length: 0x1\r\n"),
        with_headers("Content-Length: \r\n"),
        with_headers("Content-Length: 18446744073709551616\r\n"),
        with_headers("Content-Length: 9999999999999999999\r\n"),
        with_headers("Transfer-Encoding: gzip\r\n"),
        with_headers("Transfer-Encoding: gzip, chunked\r\n"),
        with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        with_headers(fine + "A: b\r\n  c\r\n"),
        with_headers(fine + "A: b\r\n\tc\r\n"),
        with_headers(fine + std::string("A: b\0c\r\n", 8)),
        with_headers(fine + "A: b\x01\r\n"),
        with_headers(fine + "A: b\rc\r\n"),
        with_headers(fine + "A: b\nC: d\r\n"),
        with_headers(fine + "A : b\r\n"),
        with_headers(fine + "A b\r\n"),
        with_headers(fine + ": b\r\n"),
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 000 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 099 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1  200 OK\r\nContent-Length: 1\r\n\r\nx",
        "<html>HTTP/0.9</html>",
        "x",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        std::string("\x15\x03\x01\x00\x02\x02\x46", 7),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        flood(9),
        many_headers(10000, "a: b\r\n"),
        many_headers(20, "a: " + std::string(60000, 'b') + "\r\n"),
        "HTTP/1.1 200 OK\r\nA: " + std::string(1 << 20, 'b'),
    };
    for (const std::string& head : heads) {
        SCOPED_TRACE(printable(head.substr(0, 200)));
        RawServer server(answers_and_ends(head));
        Client client;
        client.peer = peer_at(server.port());
        const Failure failure = failure_of(get_text(client));
        EXPECT_FAULT(failure, first_byte, protocol);
        EXPECT_TRUE(failure.fault.answered);
    }
}

TEST(Connection, SaysWhatIsWrongWithAHead) {
    const struct {
        std::string head;
        const char* reason;
    } rows[] = {
        {std::string("\x15\x03\x01\x00\x02\x02\x46", 7), "speaks TLS on this port"},
        {with_headers("A: b\x01\r\n"), "contains control characters"},
        {with_headers("A b\r\n"), "the head of the answer is broken: "},
        {"HTTP/1.1 099 OK\r\nContent-Length: 1\r\n\r\nx", "the answer has no status"},
    };

    for (const auto& row : rows) {
        ReplyParser parser({});
        std::size_t used = 0;
        try {
            parser.head(row.head, used);
            ADD_FAILURE() << row.reason;
        } catch (const TransportError& error) {
            EXPECT_NE(error.reason().find(row.reason), std::string::npos) << error.reason();
        }
    }
}

TEST(Connection, TakesHeadsThatAreOnlyUnusual) {
    const std::vector<std::string> heads = {
        flood(8),
        "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx",
        with_headers("content-length:1\r\n"),
        with_headers("Content-Length:   1   \r\nX: \t \r\n"),
        with_headers("Content-Length: 1\r\nA: \xc3\xa4\r\n"),
        many_headers(500, "a: b\r\n"),
    };
    for (const std::string& head : heads) {
        SCOPED_TRACE(printable(head.substr(0, 200)));
        RawServer server(answers(head));
        Client client;
        client.peer = peer_at(server.port());
        run(get_text(client));
        EXPECT_EQ(client.text, "x") << printable(head.substr(0, 200));
        EXPECT_EQ(client.head.status, 200U);
        EXPECT_TRUE(client.reusable);
    }
}

TEST(Connection, FindsHeadersWhateverTheirCase) {
    RawServer server(answers(reply_with("x", "ETag: \"1\"\r\nEtag: \"2\"\r\n")));
    Client client;
    client.peer = peer_at(server.port());
    run(get_text(client));
    EXPECT_EQ(client.head.find("etag"), "\"1\"");
    EXPECT_FALSE(client.head.find("Etag2"));
}

TEST(Connection, KnowsAnswersWithoutABody) {
    const std::vector<std::pair<std::string, std::string>> answers_of = {
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    };
    for (const auto& [method, reply] : answers_of) {
        RawServer server(answers(reply));
        Client client;
        client.peer = peer_at(server.port());
        client.request.method = method;
        run(get_text(client));
        EXPECT_EQ(client.text, "");
        EXPECT_EQ(client.head.find("Content-Length").has_value(), reply.find("Len") != reply.npos);
        EXPECT_TRUE(client.reusable) << method << reply;
    }
}

TEST(Connection, ReadsChunkedText) {
    const std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n10000\r\n" +
                               pattern(65536) + "\r\n0\r\nTrailer: a\r\n\r\n";
    RawServer server(answers(chunks));
    RawServer slow([&](RawPeer& peer) {
        peer.request();
        for (const char byte : chunks.substr(0, 200)) {
            peer.send(std::string(1, byte));
            std::this_thread::sleep_for(milliseconds(1));
        }
        peer.send(chunks.substr(200));
        peer.drain();
    });
    for (const std::uint16_t port : {server.port(), slow.port()}) {
        Client client;
        client.peer = peer_at(port);
        run(get_text(client));
        EXPECT_EQ(client.text, "hello" + pattern(65536));
        EXPECT_TRUE(client.whole);
        EXPECT_TRUE(client.reusable);
    }
}

// Beast 1.81 asserts that it never sees only four bytes of "0\r\n\r\n" again, in builds with
// assertions.
TEST(Connection, ReadsNoChunksHoweverTheyCome) {
    RawServer server([](RawPeer& peer) {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (const char byte : std::string("0\r\n\r\n")) {
            peer.send(std::string(1, byte));
            std::this_thread::sleep_for(milliseconds(10));
        }
        peer.drain();
    });
    Client client;
    client.peer = peer_at(server.port());
    run(get_text(client));
    EXPECT_EQ(client.text, "");
    EXPECT_TRUE(client.whole);
    EXPECT_TRUE(client.reusable);
}

TEST(Connection, RefusesBrokenChunks) {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string framing;
    for (int i = 0; i < 5000; ++i)
        framing += "1;" + std::string(600, 'a') + "\r\nx\r\n";
    const std::vector<std::string> bodies = {
        "g\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "\r\nx\r\n0\r\n\r\n",
        "1\r\nxyz\r\n0\r\n\r\n",
        "10000000000000000\r\nx\r\n",
        "1 \x01\r\nx\r\n0\r\n\r\n",
        framing,
    };
    for (const std::string& body : bodies) {
        SCOPED_TRACE(printable(body.substr(0, 60)));
        RawServer server(answers_and_ends(head + body));
        Client client;
        client.peer = peer_at(server.port());
        const Failure failure = failure_of(get_text(client));
        EXPECT_FAULT(failure, body, protocol);
    }
    RawServer server(answers_and_ends(head + "5\r\nhel"));
    Client client;
    client.peer = peer_at(server.port());
    const Failure failure = failure_of(get_text(client));
    EXPECT_FAULT(failure, body, closed_early);
}

} // namespace

} // namespace tz
