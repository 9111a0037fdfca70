// What the test server does wrong, as plain values: they can be drawn from a seed, compared and
// printed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tz::test {

/// The comment names the members of `Fault` that count. "Body" is what follows the head, as it goes
/// over the wire.
enum class FaultKind {
    // the body
    close_after,    ///< `at`: closes after as many bytes (TLS: with close_notify)
    reset_after,    ///< `at`: RST after as many bytes
    truncate_after, ///< `at`: closes after as many bytes, over TLS without close_notify
    stall_after,    ///< `at`, `time`: a pause after as many bytes; for ever without `time`
    drip,           ///< `at`, `amount`, `time`: from there on so many bytes each time
    drip_head,      ///< `amount`, `time`: the head, so many bytes each time
    cut_head,       ///< `at`: closes after as many bytes of the head
    short_body,     ///< `amount`: closes before the last bytes that Content-Length promised
    long_body,      ///< `amount`: more bytes than Content-Length promised
    flip,           ///< `at`: one bit of that byte is wrong
    single_bytes,   ///< `amount`: so many bytes each in a write of its own; all without
    // the range
    ignore_range,          ///< 200 and all of the object
    ok_with_content_range, ///< 200 with Content-Range and the right bytes
    wrong_start,           ///< `amount`: Content-Range begins that much later; right bytes
    wrong_end,             ///< `amount`: Content-Range ends that much later; right bytes
    wrong_total,           ///< `amount`: Content-Range says that much more; right bytes
    unknown_total,         ///< Content-Range ends with "/*"
    no_content_range,      ///< 206 without Content-Range
    other_range,           ///< `amount`: 206, as if a range that much later had been asked for
    shorter_range,         ///< `amount`: 206, as if that much less had been asked for
    longer_range,          ///< `amount`: 206, as if that much more had been asked for
    multipart,             ///< 206 multipart/byteranges
    not_satisfiable,       ///< 416 with "bytes */N"
    not_satisfiable_bare,  ///< 416 without Content-Range
    no_accept_ranges,      ///< says "Accept-Ranges: none" and ignores ranges
    // which object
    replace,          ///< another object of the same size is there from this request on
    replace_inside,   ///< `at`: the same, in the middle of the body and unannounced
    resize,           ///< `amount`: another object, larger by it, is there from this request on
    remove,           ///< the object is gone from this request on
    ignore_if_match,  ///< no condition of the request is looked at
    weak_etag,        ///< the ETag begins with W/
    no_etag,          ///< no ETag
    new_etag,         ///< another ETag for the same bytes, each time
    no_last_modified, ///< no Last-Modified
    // the status
    status,          ///< `amount`, `retry_after`: that status, with a line of text
    s3_error,        ///< `amount`, `text`, `retry_after`: status and S3 code, as XML
    ok_with_error,   ///< `text`: 200, and the XML of that S3 code as the body
    expired_url,     ///< 403 AccessDenied as S3 says it of a presigned URL
    region_redirect, ///< `amount`, `text`: 301, 307 or 400 to that region, without Location
    redirect,        ///< `amount`, `text`: status and Location
    skewed_date,     ///< `amount`: Date is so many seconds ahead
    // the framing
    chunked,             ///< `amount`: size of a chunk, 0 for 64 KiB
    chunked_trailers,    ///< `amount`: the same, with two trailer fields
    bad_chunk_size,      ///< `amount`: the second chunk's size is no number
    chunked_cut,         ///< `amount`: closes before the last chunk
    http10_close,        ///< HTTP/1.0 without a length: the end is where it closes
    length_and_chunked,  ///< Content-Length beside chunked
    two_lengths,         ///< `amount`: a second Content-Length, larger by it
    huge_length,         ///< Content-Length is 2^64
    huge_header,         ///< `amount`: a field with so many bytes, 0 for 1 MiB
    many_headers,        ///< `amount`: so many fields, 0 for 10,000
    endless_head,        ///< fields, until the client leaves
    nul_in_head,         ///< a field with a zero byte
    folded_header,       ///< a field that goes on in the next line (obs-fold)
    continue_first,      ///< 100 before the answer
    early_hints,         ///< 103 with a field before the answer
    informational_flood, ///< `amount`: so many 102 before the answer, 0 for 10,000
    http09,              ///< the body alone
    gzip,              ///< `text`: a Content-Encoding nobody asked for, "" for gzip; bytes as ever
    close_at_next,     ///< keeps the connection, but closes when the next request comes
    close_unannounced, ///< closes after the answer without having said so
    connection_close,  ///< says "Connection: close", and closes
    // the connection
    no_answer,        ///< `time`: nothing at all for so long; for ever without
    close_unanswered, ///< closes instead of answering
    reset_unanswered, ///< RST instead of answering
    renegotiate,      ///< TLS 1.2: asks for a handshake before the answer; 1.3: for new keys
    // the body of the request, which loads have none of
    reset_in_request, ///< `at`: RST when as many bytes of it have come
    stall_in_request, ///< `at`: reads no more than as many bytes of it
    // for `ConnectionRule`s only
    mute,         ///< accepts, and never reads or writes
    drop,         ///< closes after accepting
    drop_reset,   ///< RST after accepting
    plain_text,   ///< answers a TLS handshake with an HTTP answer in plain text
    tls_alert,    ///< answers a TLS handshake with a fatal alert
    tls_stall,    ///< reads a TLS handshake, and never answers
    tls_cut_hello ///< `at`: closes after as many bytes of its part of the handshake
};

constexpr auto fault_kinds = static_cast<std::size_t>(FaultKind::tls_cut_hello) + 1;

std::string_view name(FaultKind kind);

struct Fault {
    FaultKind kind = FaultKind::status;
    std::uint64_t at = 0;
    std::int64_t amount = 0;
    std::chrono::milliseconds time{0};
    std::string text{};
    std::string retry_after{}; ///< the field's value, whatever it says; "" for no such field

    bool operator==(const Fault&) const = default;
};

/// As "stall_after at=4096 time=200ms".
std::string to_string(const Fault& fault);

/// Which requests meet which faults. A rule counts the requests that fit its first three members,
/// from 0; all rules that hold add up.
struct Rule {
    std::string method{};   ///< "" for any
    std::string path{};     ///< "" for any
    std::string contains{}; ///< somewhere in path and query
    std::uint64_t first = 0;
    std::uint64_t last = UINT64_MAX;
    std::vector<Fault> faults{};

    bool operator==(const Rule&) const = default;
};

/// The same for connections, in the order in which they are accepted.
struct ConnectionRule {
    std::uint64_t first = 0;
    std::uint64_t last = UINT64_MAX;
    Fault fault{};

    bool operator==(const ConnectionRule&) const = default;
};

/// As "/model 3-: flip at=7, close_after at=9".
std::string to_string(const Rule& rule);
std::string to_string(const ConnectionRule& rule);

/// The fault of this kind, or null.
const Fault* find(const std::vector<Fault>& faults, FaultKind kind);

} // namespace tz::test
