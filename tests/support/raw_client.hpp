// A client for tests of the test server: one blocking socket, that shows what came as it came.
#pragma once

#include <tz/tests/support/http_reply.hpp>
#include <tz/tests/support/http_server.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tz::test {

/// What was received, taken apart.
struct Answer {
    int status = 0;
    std::string head{}; ///< with its empty line
    Fields fields{};
    std::string body{};

    std::string field(std::string_view name) const {
        for (const auto& [key, value] : fields)
            if (key.size() == name.size() &&
                ::strncasecmp(key.data(), name.data(), key.size()) == 0)
                return value;
        return "";
    }
};

inline std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class RawClient {
public:
    enum class End { open, closed, reset };

    explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        set_timeout(std::chrono::seconds(5));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            error_ = errno;
    }

    ~RawClient() { ::close(socket_); }

    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    int connect_error() const { return error_; }

    void set_timeout(std::chrono::milliseconds time) {
        const timeval parts{time.count() / 1000, time.count() % 1000 * 1000};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &parts, sizeof parts);
    }

    void send(std::string_view text) { ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }

    void ask(const std::string& target, const Fields& fields = {}, const char* method = "GET") {
        std::string text = std::string(method) + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
        for (const auto& [name, value] : fields)
            text += name + ": " + value + "\r\n";
        send(text + "\r\n");
    }

    /// What one recv gives; "" at an end, which `end` then tells.
    std::string some() {
        char bytes[16384];
        // a reset can be there before connect is back, which then tells of it
        const bool dead = error_ != 0;
        const ssize_t got = dead ? -1 : ::recv(socket_, bytes, sizeof bytes, 0);
        if (got > 0)
            return {bytes, static_cast<std::size_t>(got)};
        const int error = dead ? error_ : errno;
        end = got == 0 ? End::closed : error == ECONNRESET ? End::reset : End::open;
        return "";
    }

    /// All that comes, until it ends or nothing more comes for so long.
    std::string rest(std::chrono::milliseconds quiet = std::chrono::seconds(5)) {
        set_timeout(quiet);
        std::string all = std::move(received_);
        received_.clear();
        for (std::string more = some(); !more.empty(); more = some())
            all += more;
        return all;
    }

    /// The next head, and as much of a body as its Content-Length says, or all until the end.
    Answer answer(bool without_body = false) {
        Answer answer;
        std::size_t head_end = 0;
        while ((head_end = received_.find("\r\n\r\n")) == received_.npos)
            if (!more())
                return answer;
        answer.head = received_.substr(0, head_end + 4);
        received_.erase(0, head_end + 4);
        parse(answer);
        if (without_body || answer.status == 204 || answer.status == 304)
            return answer;
        const std::string length = answer.field("Content-Length");
        const std::size_t bytes = length.empty() ? SIZE_MAX : std::stoull(length);
        while (received_.size() < bytes && more()) {
        }
        answer.body = received_.substr(0, bytes);
        received_.erase(0, answer.body.size());
        return answer;
    }

    End end = End::open;

private:
    bool more() {
        const std::string got = some();
        received_ += got;
        return !got.empty();
    }

    static void parse(Answer& answer) {
        std::size_t at = answer.head.find("\r\n") + 2;
        answer.status = std::stoi(answer.head.substr(9, 3));
        while (at + 2 < answer.head.size()) {
            const std::size_t end = answer.head.find("\r\n", at);
            const std::size_t colon = answer.head.find(": ", at);
            if (colon < end)
                answer.fields.emplace_back(
                    answer.head.substr(at, colon - at),
                    answer.head.substr(colon + 2, end - colon - 2));
            at = end + 2;
        }
    }

    const int socket_;
    int error_ = 0;
    std::string received_;
};

/// One request on a connection of its own.
inline Answer
ask(const HttpServer& server,
    const std::string& target,
    const Fields& fields = {},
    const char* method = "GET") {
    RawClient client(server.port());
    client.ask(target, fields, method);
    return client.answer(std::string_view(method) == "HEAD");
}

/// A server with one fault for each request, and an object of 1000 bytes at /o.
struct FaultyServer {
    explicit FaultyServer(const std::vector<Fault>& faults, std::uint64_t bytes = 1000)
        : server(options_of(faults)) {
        server.put("/o", generated_object(bytes));
        content = text_of(generated_object(bytes).all());
    }

    static HttpServerOptions options_of(const std::vector<Fault>& faults) {
        HttpServerOptions options;
        options.rules.push_back({.faults = faults});
        return options;
    }

    Answer get(const Fields& fields = {}) const { return ask(server, "/o", fields); }

    HttpServer server;
    std::string content;
};

} // namespace tz::test
