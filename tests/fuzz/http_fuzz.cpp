// An input is what a server sends: a byte that says how it was asked, one for the size of the
// pieces that its bytes come in, and the bytes. In pieces they mean what they mean at once.
#include "memory_bound.hpp"
#include <tz/format/error.hpp>
#include <tz/protocols/reply.hpp>
#include <tz/protocols/transport_error.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tz;
using tz::test::require;

struct Answer {
    std::optional<ReplyHead> head;
    std::string text;     ///< of chunks
    std::size_t used = 0; ///< of the input, by head and chunks
    bool ended = false;   ///< all chunks are there
    bool refused = false;
};

/// What is not used stays in front of what comes next, as in a connection.
void take(Answer& answer, ReplyParser& parser, std::string& bytes) {
    std::size_t used = 0;
    if (!answer.head) {
        answer.head = parser.head(bytes, used);
        require(used <= bytes.size());
        answer.used += used;
        bytes.erase(0, used);
    }
    if (!answer.head || !answer.head->chunked || answer.ended)
        return;
    answer.ended = parser.chunks(bytes, used, answer.text);
    require(used <= bytes.size());
    answer.used += used;
    bytes.erase(0, used);
}

Answer read(std::string_view input, ReplyParser::Rules rules, std::size_t piece_bytes) {
    Answer answer;
    ReplyParser parser(rules);
    std::string bytes;
    try {
        while (!input.empty() && !answer.ended && !(answer.head && !answer.head->chunked)) {
            bytes.append(input.substr(0, piece_bytes));
            input.remove_prefix(std::min(piece_bytes, input.size()));
            take(answer, parser, bytes);
        }
    } catch (const TransportError& error) {
        require(error.fault().cause == TransportCause::protocol && !error.hint().empty());
        require(printable(error.what()) == error.what());
        answer.refused = true;
    }
    return answer;
}

void check(const ReplyHead& head, ReplyParser::Rules rules) {
    require(head.status >= 200 && head.status <= 999);
    require(!(head.chunked && head.length));
    require(!head.length || *head.length < std::uint64_t(1) << 63);
    require(!rules.head_request || head.length == 0);
    require(head.headers.size() <= ReplyParser::headers_max);
    for (const HttpHeader& header : head.headers) {
        require(!header.name.empty() && head.find(header.name).has_value());
        const auto control = [](char c) {
            return static_cast<unsigned char>(c) < ' ' && c != '\t';
        };
        require(std::ranges::none_of(header.name + header.value, control));
    }
}

bool same(const ReplyHead& a, const ReplyHead& b) {
    const auto same_header = [](const HttpHeader& x, const HttpHeader& y) {
        return x.name == y.name && x.value == y.value;
    };
    return a.status == b.status && a.length == b.length && a.chunked == b.chunked &&
           a.keep_alive == b.keep_alive && std::ranges::equal(a.headers, b.headers, same_header);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const std::string_view input(reinterpret_cast<const char*>(data + 2), size - 2);
    const ReplyParser::Rules rules{(data[0] & 1) != 0, (data[0] & 2) != 0};
    const Answer whole = [&] {
        const test::MemoryBound bound(size);
        return read(input, rules, std::max<std::size_t>(size, 1));
    }();
    if (whole.head)
        check(*whole.head, rules);
    const Answer pieces = read(input, rules, 1 + data[1] % 64);
    require(whole.refused == pieces.refused);
    if (whole.refused)
        return 0;
    require(whole.head.has_value() == pieces.head.has_value());
    require(!whole.head || same(*whole.head, *pieces.head));
    require(whole.text == pieces.text && whole.ended == pieces.ended);
    require(whole.used == pieces.used);
    return 0;
}
