// Heads and framing that are odd or wrong, as they show on the wire.
#include "raw_client.hpp"

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using Kind = FaultKind;
using End = RawClient::End;
using std::chrono::milliseconds;

const std::string content = text_of(generated_object(1000).all());

/// Everything that comes on a connection with one request, as text.
struct Raw {
    std::string head{}; ///< the last one, where there are more
    std::string body{};
    std::string before{};
    End end = End::open;

    bool has(const std::string& line) const {
        return head.find("\r\n" + line + "\r\n") != std::string::npos;
    }
};

Raw raw(const Fault& fault) {
    const FaultyServer faulty({fault});
    RawClient client(faulty.server.port());
    client.ask("/o");
    const std::string all = client.rest(milliseconds(150));
    Raw raw;
    raw.end = client.end;
    const std::size_t head = all.find("HTTP/1.1 200 OK\r\n");
    const std::size_t end = all.find("\r\n\r\n", head);
    EXPECT_NE(end, all.npos) << to_string(fault);
    if (end == all.npos)
        return raw;
    raw.before = all.substr(0, head);
    raw.head = all.substr(head, end + 4 - head);
    raw.body = all.substr(end + 4);
    return raw;
}

// 400, 400 and 200 bytes.
std::string in_three(const std::string& last, const std::string& second_size = "190") {
    return "190\r\n" + content.substr(0, 400) + "\r\n" + second_size + "\r\n" +
           content.substr(400, 400) + "\r\nc8\r\n" + content.substr(800) + "\r\n" + last;
}

TEST(HttpFramingFault, SendsChunks) {
    const Raw plain = raw({.kind = Kind::chunked, .amount = 400});
    EXPECT_TRUE(plain.has("Transfer-Encoding: chunked"));
    EXPECT_EQ(plain.head.find("Content-Length"), std::string::npos);
    EXPECT_TRUE(plain.body == in_three("0\r\n\r\n"));
    EXPECT_EQ(plain.end, End::open);
    const Raw trailed = raw({.kind = Kind::chunked_trailers, .amount = 400});
    EXPECT_TRUE(trailed.body == in_three("0\r\nx-first-trailer: 1\r\nx-second-trailer: 2\r\n\r\n"));
}

TEST(HttpFramingFault, SendsChunksThatAreWrong) {
    const Raw bad = raw({.kind = Kind::bad_chunk_size, .amount = 400});
    EXPECT_TRUE(bad.body == in_three("0\r\n\r\n", "zz"));
    const Raw cut = raw({.kind = Kind::chunked_cut, .amount = 400});
    EXPECT_TRUE(cut.body == in_three(""));
    EXPECT_EQ(cut.end, End::closed);
}

TEST(HttpFramingFault, SendsChunksBesideALength) {
    const Raw both = raw({.kind = Kind::length_and_chunked, .amount = 400});
    EXPECT_TRUE(both.has("Transfer-Encoding: chunked"));
    EXPECT_TRUE(both.has("Content-Length: 1000"));
    EXPECT_TRUE(both.body == in_three("0\r\n\r\n"));
}

TEST(HttpFramingFault, EndsABodyByClosing) {
    const FaultyServer faulty({{Kind::http10_close}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    const Answer answer = client.answer();
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.0 200 OK\r\n"));
    EXPECT_EQ(answer.field("Content-Length"), "");
    EXPECT_EQ(answer.body, content);
    EXPECT_EQ(client.end, End::closed);
}

TEST(HttpFramingFault, SaysWrongLengths) {
    const Raw two = raw({.kind = Kind::two_lengths, .amount = 5});
    EXPECT_TRUE(two.has("Content-Length: 1000\r\nContent-Length: 1005"));
    EXPECT_TRUE(raw({Kind::huge_length}).has("Content-Length: 18446744073709551616"));
}

TEST(HttpFramingFault, SendsLongHeads) {
    EXPECT_GT(raw({Kind::huge_header}).head.size(), std::size_t(1 << 20));
    EXPECT_TRUE(raw({.kind = Kind::huge_header, .amount = 9}).has("x-huge: hhhhhhhhh"));
    const Raw many = raw({Kind::many_headers});
    EXPECT_TRUE(many.has("x-field-0: 1"));
    EXPECT_TRUE(many.has("x-field-9999: 1"));
    EXPECT_FALSE(many.has("x-field-10000: 1"));
}

TEST(HttpFramingFault, SendsAHeadWithoutEnd) {
    const FaultyServer faulty({{Kind::endless_head}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    std::string all;
    while (all.size() < std::size_t(8 << 20))
        all += client.some();
    EXPECT_EQ(all.find("\r\n\r\n"), std::string::npos);
    EXPECT_EQ(client.end, End::open);
}

TEST(HttpFramingFault, SendsOddFields) {
    EXPECT_TRUE(raw({Kind::nul_in_head}).has(std::string("x-nul: a\0b", 10)));
    EXPECT_TRUE(raw({Kind::folded_header}).has("x-folded: one\r\n  two"));
    const Raw zipped = raw({Kind::gzip});
    EXPECT_TRUE(zipped.has("Content-Encoding: gzip"));
    EXPECT_EQ(zipped.body, content);
    EXPECT_TRUE(raw({.kind = Kind::gzip, .text = "br"}).has("Content-Encoding: br"));
}

TEST(HttpFramingFault, SendsOtherAnswersFirst) {
    EXPECT_EQ(raw({Kind::continue_first}).before, "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(raw({Kind::early_hints}).before.starts_with("HTTP/1.1 103 Early Hints\r\nLink: "));
    const std::string one = "HTTP/1.1 102 Processing\r\n\r\n";
    EXPECT_EQ(raw({.kind = Kind::informational_flood, .amount = 2}).before, one + one);
    EXPECT_EQ(raw({Kind::informational_flood}).before.size(), 10'000 * one.size());
    EXPECT_EQ(raw({Kind::early_hints}).body, content);
}

TEST(HttpFramingFault, SendsNoHead) {
    const FaultyServer faulty({{Kind::http09}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    EXPECT_EQ(client.rest(), content);
    EXPECT_EQ(client.end, End::closed);
}

TEST(HttpFramingFault, ClosesAfterAnAnswer) {
    for (const Kind kind : {Kind::close_unannounced, Kind::connection_close}) {
        const Raw closed = raw({kind});
        EXPECT_EQ(closed.body, content);
        EXPECT_EQ(closed.end, End::closed);
        EXPECT_EQ(closed.has("Connection: close"), kind == Kind::connection_close);
    }
}

TEST(HttpFramingFault, ClosesWhenTheNextRequestComes) {
    const FaultyServer faulty({{Kind::close_at_next}});
    RawClient client(faulty.server.port());
    client.ask("/o");
    EXPECT_EQ(client.answer().body, content);
    EXPECT_EQ(client.rest(milliseconds(100)), "");
    EXPECT_EQ(client.end, End::open);
    client.ask("/o");
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(client.end, End::closed);
    EXPECT_EQ(faulty.server.counts().requests, 1u);
}

} // namespace
} // namespace tz::test
