// What the test server answers: a request, what there is, and faults make the bytes of a head and
// the pieces of a body. Pure; no HTTP library, so that it can be wrong in any way.
#pragma once

#include <tz/tests/support/http_fault.hpp>
#include <tz/tests/support/http_object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request as it was received, and what became of it.
struct Request {
    std::uint64_t number = 0; ///< counted from 0
    std::uint64_t connection = 0;
    std::chrono::steady_clock::time_point time{}; ///< its head was complete
    std::string method{};
    std::string target{};  ///< as sent
    std::string path{};    ///< of the target, still percent-encoded
    std::string query{};   ///< without '?'
    std::string version{}; ///< "HTTP/1.1"
    Fields fields{};       ///< as sent, in their order
    std::string body{};
    int status = 0; ///< of the answer; 0 if there was to be none

    /// The field's value, its name in any case; "" if there is none.
    std::string field(std::string_view name) const;

    std::string range() const { return field("Range"); }

    std::string if_match() const { return field("If-Match"); }

    std::string authorization() const { return field("Authorization"); }

    /// The value of a parameter of the query, still percent-encoded; "" if there is none.
    std::string parameter(std::string_view name) const;
};

/// Without a value if the head is no request.
std::optional<Request> parse_request(std::string_view head);

/// A fixed answer, for services that are no stores.
struct Page {
    int status = 200;
    std::string body{};
    Fields fields{};
};

/// Text, or a part of an object.
struct Piece {
    std::string text{};
    std::shared_ptr<const Object> object{};
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

/// Pieces, one after the other.
class Body {
public:
    void add(std::string text);
    void add(std::shared_ptr<const Object> object, std::uint64_t offset, std::uint64_t bytes);
    void add(const Body& other);

    std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

    void read(std::uint64_t offset, std::span<std::byte> to) const;
    Body part(std::uint64_t offset, std::uint64_t bytes) const;

private:
    void add(Piece piece);

    std::vector<Piece> pieces_;
    std::vector<std::uint64_t> ends_; ///< of each piece, in the body
};

/// What there is at the path of a request.
struct Found {
    std::optional<Page> page{};
    std::optional<Object> object{};
    std::optional<Object> next{}; ///< that which `replace_inside` goes on with
    std::uint16_t tunnel = 0;     ///< the port that a CONNECT leads to
};

struct Reply {
    int status = 0;
    std::string head{}; ///< with what comes before it, and its empty line
    Body body{};
    bool close = false; ///< the connection is not kept
};

/// Faults of status, range, identity and framing are in it; those that are about time and closing
/// are for whoever sends it.
Reply reply_to(const Request& request, const Found& found, const std::vector<Fault>& faults = {});

/// An S3 error that is no fault: `deny` of the server's options.
Reply denial(const Request& request, const std::string& s3_code);

} // namespace tz::test
