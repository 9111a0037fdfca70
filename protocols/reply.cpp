#include <tz/protocols/reply.hpp>
#include <tz/protocols/transport_error.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>

namespace tz {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using error_code = boost::system::error_code;

/// Of "0\r\n\r\n". Beast 1.81 asserts that it never sees less of a last chunk again, which holds
/// where another one, whose end counts in, came before.
constexpr std::size_t last_chunk_bytes = 5;

struct ReplyParser::Parser {
    http::response_parser<http::string_body> beast;
};

namespace {

[[noreturn]] void refuse(const std::string& what, std::string hint = {}) {
    if (hint.empty())
        hint = "the server, or something between, does not speak proper HTTP/1.1";
    throw TransportError({TransportStage::first_byte, TransportCause::protocol}, what, hint);
}

bool same(std::string_view a, std::string_view b) {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// As soon as it can be seen: a port that speaks something else may never send an empty line.
void check_start(std::string_view bytes) {
    constexpr std::string_view expected = "HTTP/1.";
    const std::size_t size = std::min(bytes.size(), expected.size());
    if (bytes.substr(0, size) == expected.substr(0, size))
        return;
    if (bytes.front() == '\x15' || bytes.front() == '\x16')
        refuse("the server speaks TLS on this port", "use https://");
    refuse("what the server sent is not HTTP/1.1", "check the port");
}

/// What Beast lets through: a header that goes on in the next line, control characters, too many
/// headers.
void check_lines(std::string_view head) {
    std::size_t headers = 0;
    for (std::size_t at = 0; at < head.size();) {
        const std::size_t end = head.find("\r\n", at);
        const std::string_view line = head.substr(at, end - at);
        at = end + 2;
        if (line.starts_with(' ') || line.starts_with('\t'))
            refuse("a header goes on in a second line");
        const bool control = std::ranges::any_of(line, [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
        });
        if (control)
            refuse("a header contains control characters");
        if (++headers > ReplyParser::headers_max)
            refuse("more than " + std::to_string(ReplyParser::headers_max) + " headers");
    }
}

std::uint64_t length_of(std::string_view value) {
    std::uint64_t length = 0;
    if (value.empty() || value.size() > 18) // below 2^63, so that sums can't overflow
        refuse("the length is " + printable(value.substr(0, 40)));
    for (const char c : value) {
        if (c < '0' || c > '9')
            refuse("the length is " + printable(value));
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return length;
}

/// How the body ends, which must be said in one way only.
void read_framing(ReplyHead& head) {
    bool encoded = false;
    for (const HttpHeader& header : head.headers) {
        if (same(header.name, "Content-Length")) {
            if (head.length)
                refuse("the answer has two lengths");
            head.length = length_of(header.value);
        } else if (same(header.name, "Transfer-Encoding")) {
            if (encoded || !same(header.value, "chunked"))
                refuse("the transfer encoding is " + printable(header.value.substr(0, 40)));
            encoded = true;
        }
    }
    if (encoded && head.length)
        refuse("the answer has a length and is in chunks as well");
    head.chunked = encoded;
}

} // namespace

std::optional<std::string_view> ReplyHead::find(std::string_view name) const {
    for (const HttpHeader& header : headers)
        if (same(header.name, name))
            return header.value;
    return std::nullopt;
}

ReplyParser::ReplyParser(Rules rules) : rules_(rules) {}

ReplyParser::~ReplyParser() = default;

std::optional<ReplyHead> ReplyParser::head(std::string_view bytes, std::size_t& used) {
    used = 0;
    while (used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        check_start(rest);
        const std::size_t end = rest.substr(0, head_max).find("\r\n\r\n", searched_);
        if (end == rest.npos) {
            if (rest.size() >= head_max)
                refuse("the head of the answer is larger than 64 KiB");
            searched_ = rest.size() < 3 ? 0 : rest.size() - 3;
            return std::nullopt;
        }
        searched_ = 0;
        const std::string_view text = rest.substr(0, end + 4);
        used += text.size();
        check_lines(text.substr(0, end + 2));

        parser_ = std::make_unique<Parser>();
        auto& beast = parser_->beast;
        beast.header_limit(head_max + 4);
        beast.body_limit(boost::none);
        error_code ec;
        beast.put(asio::buffer(text), ec);
        if (ec && ec != http::error::need_more)
            refuse("the head of the answer is broken: " + ec.message());
        if (!beast.is_header_done())
            refuse("the head of the answer is broken");

        const auto& message = beast.get();
        ReplyHead head;
        head.status = message.result_int();
        for (const auto& field : message)
            head.headers.push_back({std::string(field.name_string()), std::string(field.value())});
        if (message.version() != 11 && !(rules_.http_1_0 && message.version() == 10))
            refuse("the answer is HTTP/1.0", "only servers that speak HTTP/1.1 can be read from");
        if (head.status < 100)
            refuse("the answer has no status");
        if (head.status < 200) {
            if (head.status == 101)
                refuse("the server switches to another protocol");
            if (++informational_ > informational_max)
                refuse("more than 8 answers before the real one");
            continue;
        }
        read_framing(head);
        head.keep_alive = message.keep_alive();
        if (rules_.head_request || head.status == 204 || head.status == 304) {
            head.length = 0;
            head.chunked = false;
        }
        return head;
    }
    return std::nullopt;
}

bool ReplyParser::chunks(std::string_view bytes, std::size_t& used, std::string& text) {
    auto& beast = parser_->beast;
    used = 0;
    while (!beast.is_done()) {
        error_code ec;
        const std::string_view rest = bytes.substr(used);
        const bool waits = !in_chunks_ && rest.size() < last_chunk_bytes;
        const std::size_t taken = waits ? 0 : beast.put(asio::buffer(rest), ec);
        used += taken;
        in_chunks_ = in_chunks_ || taken > 0;
        text += beast.get().body();
        beast.get().body().clear();
        if (ec == http::error::need_more || (!ec && taken == 0 && !beast.is_done()))
            return false;
        if (ec)
            refuse("a chunk of the answer is broken: " + ec.message());
    }
    return true;
}

} // namespace tz
