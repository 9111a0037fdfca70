// The head of an HTTP/1.1 answer, and small bodies of any framing. Bytes in, values out: no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tz {

struct HttpHeader {
    std::string name;
    std::string value;
};

/// What a server said before the body.
struct ReplyHead {
    unsigned status = 0;
    std::vector<HttpHeader> headers;
    std::optional<std::uint64_t> length; ///< of the body; 0 where there is none by nature
    bool chunked = false;
    bool keep_alive = false;

    /// The value of the first header of that name, whose case does not matter.
    std::optional<std::string_view> find(std::string_view name) const;
};

/// Stricter than HTTP's grammar where servers and attackers could mean different things. Throws
/// `TransportError` (protocol), without stage. Used for one answer.
class ReplyParser {
public:
    struct Rules {
        bool head_request = false; ///< the answer has no body
        bool http_1_0 = false;     ///< is taken, as many proxies answer CONNECT so
    };

    static constexpr std::size_t head_max = 64 << 10; ///< S3's own limit is 8 KiB
    static constexpr std::size_t headers_max = 512;
    static constexpr unsigned informational_max = 8; ///< answers with 1xx before the real one

    explicit ReplyParser(Rules rules);
    ~ReplyParser();
    ReplyParser(const ReplyParser&) = delete;
    ReplyParser& operator=(const ReplyParser&) = delete;

    /// `bytes` are all that came and were not yet used. Gives the head when it is complete, and
    /// sets `used` to what it took, which may also be answers with 1xx.
    std::optional<ReplyHead> head(std::string_view bytes, std::size_t& used);

    /// For a chunked body, after the head: the same. True at its end. Appends to `text` as it gets
    /// bytes.
    bool chunks(std::string_view bytes, std::size_t& used, std::string& text);

private:
    struct Parser;

    Rules rules_;
    unsigned informational_ = 0;
    std::size_t searched_ = 0;
    bool in_chunks_ = false; ///< some of the body has been used
    std::unique_ptr<Parser> parser_;
};

} // namespace tz
