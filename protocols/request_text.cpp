#include <tz/protocols/base64.hpp>
#include <tz/protocols/connection.hpp>
#include <tz/protocols/request_text.hpp>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <span>

namespace tz {

namespace {

[[noreturn]] void unsendable(const char* what) {
    throw Error(
        errc::usage,
        std::string(what) + " holds a character that HTTP does not allow",
        {},
        "percent-encode what is unusual");
}

// Never repeated in the error: it may be a secret.
void check(std::string_view text, bool spaces, const char* what) {
    const bool fits = std::ranges::all_of(text, [spaces](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte > 0x20 && byte != 0x7f) || (spaces && (c == ' ' || c == '\t'));
    });
    if (!fits)
        unsendable(what);
}

bool has(const HttpRequest& request, std::string_view name) {
    return std::ranges::any_of(request.headers, [name](const HttpHeader& header) {
        return std::ranges::equal(header.name, name, [](unsigned char a, unsigned char b) {
            return std::tolower(a) == std::tolower(b);
        });
    });
}

} // namespace

std::string request_text(const HttpRequest& request, const Peer& peer) {
    const bool own_port = peer.port == (peer.tls ? 443 : 80);
    std::string host = request.host;
    if (host.empty()) {
        host = peer.name();
        if (own_port)
            host.resize(host.rfind(':'));
    }
    check(request.method, false, "the method");
    check(request.target, false, "the address");
    check(host, false, "the host's name");
    std::string text = request.method + " ";
    if (peer.absolute_form())
        text += "http://" + host;
    text += request.target + " HTTP/1.1\r\n";
    const auto add = [&text](std::string_view name, std::string_view value) {
        text.append(name).append(": ").append(value).append("\r\n");
    };
    add("Host", host);
    for (const HttpHeader& header : request.headers) {
        if (header.name.empty() || header.name.find(':') != std::string::npos)
            unsendable("the name of a header");
        check(header.name, false, "the name of a header");
        check(header.value, true, "the value of a header");
        add(header.name, header.value);
    }
    if (!has(request, "Accept-Encoding"))
        add("Accept-Encoding", "identity");
    if (!has(request, "User-Agent"))
        add("User-Agent", "tzio");
    const std::size_t carried = request.body.size() + request.payload.size();
    const bool carries = carried > 0 || request.method == "PUT" || request.method == "POST";
    if (carries && !has(request, "Content-Length"))
        add("Content-Length", std::to_string(carried));
    if (peer.absolute_form())
        if (const std::string authorization = peer.proxy_authorization(); !authorization.empty())
            add("Proxy-Authorization", authorization);
    return text + "\r\n" + request.body;
}

std::string basic_authorization(const std::string& userinfo) {
    return "Basic " + encode_base64(std::as_bytes(std::span(userinfo)));
}

bool repeatable(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
           method == "OPTIONS";
}

} // namespace tz
