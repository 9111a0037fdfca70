// Answers that are errors, and the bytes that go over the wire.
#include "http_draft.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>

namespace tz::test {

namespace {

using Kind = FaultKind;

std::string reason(int status) {
    static const std::map<int, std::string> reasons = {
        {200, "OK"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {412, "Precondition Failed"},
        {416, "Range Not Satisfiable"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    const auto found = reasons.find(status);
    return found == reasons.end() ? "Status" : found->second;
}

std::string s3_xml(const Request& request, const std::string& code, const std::string& more) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
           "</Code><Message>the test server says " + code + "</Message>" + more + "<Resource>" +
           request.path + "</Resource><RequestId>" + std::to_string(request.number) +
           "</RequestId></Error>";
}

Draft xml_draft(
    const Request& request, int status, const std::string& code, const std::string& more = "") {
    Draft draft;
    draft.status = status;
    draft.set("Content-Type", "application/xml");
    draft.set("x-amz-request-id", std::to_string(request.number));
    draft.body.add(s3_xml(request, code, more));
    return draft;
}

Draft plain_draft(int status) {
    Draft draft;
    draft.status = status;
    draft.set("Content-Type", "text/plain");
    draft.body.add("the test server says " + std::to_string(status) + "\n");
    return draft;
}

std::optional<Draft> status_draft(const Request& request, const Fault& fault) {
    const int status = static_cast<int>(fault.amount);
    Draft draft;
    switch (fault.kind) {
    case Kind::status:
        draft = plain_draft(status);
        break;
    case Kind::s3_error:
        draft = xml_draft(request, status, fault.text);
        break;
    case Kind::ok_with_error:
        draft = xml_draft(request, 200, fault.text);
        break;
    case Kind::expired_url:
        draft = xml_draft(
            request,
            403,
            "AccessDenied",
            "<X-Amz-Expires>60</X-Amz-Expires><Expires>2020-01-01T00:01:00Z</Expires>");
        break;
    case Kind::region_redirect:
        draft = xml_draft(
            request,
            status,
            status == 400 ? "AuthorizationHeaderMalformed" : "PermanentRedirect",
            "<Region>" + fault.text + "</Region>");
        draft.set("x-amz-bucket-region", fault.text);
        break;
    case Kind::redirect:
        draft = plain_draft(status);
        draft.set("Location", fault.text);
        break;
    default:
        return {};
    }
    if (!fault.retry_after.empty())
        draft.set("Retry-After", fault.retry_after);
    return draft;
}

std::string line(const std::string& name, const std::string& value) {
    return name + ": " + value + "\r\n";
}

std::uint64_t amount_or(const Fault& fault, std::uint64_t standard) {
    return fault.amount == 0 ? standard : static_cast<std::uint64_t>(fault.amount);
}

// At most 10,000 chunks, however long the body is.
Body in_chunks(const Body& whole, const Fault& fault) {
    const std::uint64_t chunk_bytes =
        std::max(amount_or(fault, 64 << 10), whole.size() / 10'000 + 1);
    Body body;
    std::uint64_t number = 0;
    for (std::uint64_t at = 0; at < whole.size(); at += chunk_bytes, ++number) {
        const std::uint64_t bytes = std::min(chunk_bytes, whole.size() - at);
        char size[20];
        std::snprintf(size, sizeof size, "%llx\r\n", static_cast<unsigned long long>(bytes));
        const bool bad = fault.kind == Kind::bad_chunk_size && number == 1;
        body.add(bad ? "zz\r\n" : size);
        body.add(whole.part(at, bytes));
        body.add("\r\n");
    }
    if (fault.kind == Kind::chunked_trailers)
        body.add("0\r\nx-first-trailer: 1\r\nx-second-trailer: 2\r\n\r\n");
    else if (fault.kind != Kind::chunked_cut)
        body.add("0\r\n\r\n");
    return body;
}

const Fault* chunking(const Faults& faults) {
    for (const Kind kind :
         {Kind::chunked,
          Kind::chunked_trailers,
          Kind::bad_chunk_size,
          Kind::chunked_cut,
          Kind::length_and_chunked})
        if (const Fault* fault = find(faults, kind))
            return fault;
    return nullptr;
}

// Content-Length and Transfer-Encoding, right or wrong, and the body to go with it.
std::string lengths(Body& body, const Faults& faults) {
    const std::uint64_t bytes = body.size();
    std::string text;
    const Fault* chunks = chunking(faults);
    if (chunks != nullptr) {
        body = in_chunks(body, *chunks);
        text += line("Transfer-Encoding", "chunked");
        if (chunks->kind != Kind::length_and_chunked)
            return text;
    }
    if (find(faults, Kind::http10_close) != nullptr)
        return text;
    if (find(faults, Kind::huge_length) != nullptr)
        return text + line("Content-Length", "18446744073709551616");
    text += line("Content-Length", std::to_string(bytes));
    if (const Fault* fault = find(faults, Kind::two_lengths))
        text += line("Content-Length", std::to_string(bytes + amount_or(*fault, 1)));
    if (const Fault* fault = find(faults, Kind::short_body))
        body = body.part(0, bytes - std::min(amount_or(*fault, 1), bytes));
    if (const Fault* fault = find(faults, Kind::long_body))
        body.add(std::string(amount_or(*fault, 1), 'x'));
    return text;
}

std::string odd_fields(const Faults& faults) {
    std::string text;
    if (const Fault* fault = find(faults, Kind::gzip))
        text += line("Content-Encoding", fault->text.empty() ? "gzip" : fault->text);
    if (find(faults, Kind::nul_in_head) != nullptr)
        text += line("x-nul", std::string("a\0b", 3));
    if (find(faults, Kind::folded_header) != nullptr)
        text += "x-folded: one\r\n  two\r\n";
    if (const Fault* fault = find(faults, Kind::huge_header))
        text += line("x-huge", std::string(amount_or(*fault, 1 << 20), 'h'));
    if (const Fault* fault = find(faults, Kind::many_headers))
        for (std::uint64_t i = 0; i < amount_or(*fault, 10'000); ++i)
            text += line("x-field-" + std::to_string(i), "1");
    return text;
}

std::string before(const Faults& faults) {
    std::string text;
    if (find(faults, Kind::continue_first) != nullptr)
        text += "HTTP/1.1 100 Continue\r\n\r\n";
    if (find(faults, Kind::early_hints) != nullptr)
        text += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    if (const Fault* fault = find(faults, Kind::informational_flood))
        for (std::uint64_t i = 0; i < amount_or(*fault, 10'000); ++i)
            text += "HTTP/1.1 102 Processing\r\n\r\n";
    return text;
}

bool closes_silently(const Request& request, const Faults& faults) {
    for (const Kind kind :
         {Kind::http09, Kind::short_body, Kind::chunked_cut, Kind::close_unannounced})
        if (find(faults, kind) != nullptr)
            return true;
    return request.version == "HTTP/1.0";
}

bool says_close(const Request& request, const Faults& faults) {
    return find(faults, Kind::connection_close) != nullptr ||
           find(faults, Kind::http10_close) != nullptr || request.field("Connection") == "close";
}

} // namespace

void Draft::set(std::string_view name, std::string value) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    fields.emplace_back(name, std::move(value));
}

std::string Draft::get(std::string_view name) const {
    for (const auto& [key, value] : fields)
        if (key == name)
            return value;
    return "";
}

Draft s3_draft(const Request& request, int status, const std::string& code) {
    return xml_draft(request, status, code);
}

std::optional<Draft> status_draft(const Request& request, const Faults& faults) {
    for (const Fault& fault : faults)
        if (auto draft = status_draft(request, fault))
            return draft;
    return {};
}

Reply framed(Draft draft, const Request& request, const Faults& faults) {
    Reply reply;
    reply.status = draft.status;
    reply.body = std::move(draft.body);
    const bool http10 = find(faults, Kind::http10_close) != nullptr;
    const bool close = says_close(request, faults);
    reply.close = close || closes_silently(request, faults);

    reply.head = before(faults);
    reply.head += (http10 ? "HTTP/1.0 " : "HTTP/1.1 ") + std::to_string(draft.status) + " " +
                  reason(draft.status) + "\r\n";
    const Fault* skew = find(faults, Kind::skewed_date);
    reply.head += line("Date", http_date(std::time(nullptr) + (skew ? skew->amount : 0)));
    for (const auto& [name, value] : draft.fields)
        reply.head += line(name, value);
    if (close)
        reply.head += line("Connection", "close");
    const bool connected = request.method == "CONNECT" && draft.status == 200;
    const bool bodiless = connected || draft.status == 204 || draft.status == 304;
    if (bodiless)
        reply.body = {};
    else
        reply.head += lengths(reply.body, faults);
    reply.head += odd_fields(faults) + "\r\n";
    if (request.method == "HEAD")
        reply.body = {};
    if (find(faults, Kind::http09) != nullptr)
        reply.head.clear();
    return reply;
}

} // namespace tz::test
