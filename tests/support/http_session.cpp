#include "http_session.hpp"

#include "http_delivery.hpp"

#include <array>
#include <charconv>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tz::test {

namespace {

using Kind = FaultKind;
using std::chrono::milliseconds;

// More than any client of ours sends; beyond it the connection is closed.
constexpr std::size_t head_bytes_max = 64 << 10;
constexpr std::size_t body_bytes_max = 64 << 20;
constexpr std::size_t requests_noted_max = 100'000;
// More than any test looks at: a server of a soak is uploaded to for hours.
constexpr std::size_t bodies_noted_bytes_max = 128 << 20;

bool fits(const Rule& rule, const Request& request) {
    return (rule.method.empty() || rule.method == request.method) &&
           (rule.path.empty() || rule.path == request.path) &&
           request.target.find(rule.contains) != std::string::npos;
}

// To 127.0.0.1, where connecting does not take long. Negative if nobody listens.
int connected_socket(std::uint16_t port) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* const to = reinterpret_cast<const sockaddr*>(&address);
    if (made >= 0 && ::connect(made, to, sizeof address) == 0 &&
        ::fcntl(made, F_SETFL, O_NONBLOCK) == 0)
        return made;
    ::close(made);
    return -1;
}

/// Requests of one connection.
class Session {
public:
    Session(Script& script, const Stop& stop, int socket, std::uint64_t connection)
        : script_(script),
          stop_(stop),
          connection_(connection),
          wire_(socket, wire_shared(), script.options.connection_rate) {}

    void run() {
        if (!meet_connection_faults() || !open())
            return;
        bool going = true;
        while (going) {
            auto request = next();
            going = request && answer(*request);
        }
        wire_.close(Wire::Close::properly);
    }

private:
    Wire::Shared wire_shared() const { return {stop_, script_.total_rate, script_.bytes_sent}; }

    // Is the connection to be served, still?
    bool meet_connection_faults() {
        bool going = true;
        for (const Fault& fault : script_.faults_of_connection(connection_))
            going = going && meet(fault);
        return going;
    }

    bool meet(const Fault& fault) {
        std::array<char, 4096> hello;
        switch (fault.kind) {
        case Kind::mute:
            wire_.pause({});
            return false;
        case Kind::drop:
            return false;
        case Kind::drop_reset:
            wire_.close(Wire::Close::reset);
            return false;
        case Kind::plain_text:
            wire_.read_raw(hello, script_.options.idle_time);
            wire_.write_raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            return false;
        case Kind::tls_alert:
            wire_.read_raw(hello, script_.options.idle_time);
            wire_.write_raw({"\x15\x03\x03\x00\x02\x02\x28", 7}); // fatal: handshake_failure
            return false;
        case Kind::tls_stall:
            wire_.read_raw(hello, script_.options.idle_time);
            wire_.pause({});
            return false;
        case Kind::tls_cut_hello:
            wire_.read_raw(hello, script_.options.idle_time);
            // a record with a ServerHello of 64 bytes, as far as it gets
            wire_.write_raw(("\x16\x03\x03" + std::string(1, '\0') + "\x44\x02" +
                             std::string(2, '\0') + "\x40" + std::string(64, '\x03'))
                                .substr(0, fault.at));
            return false;
        default:
            return true;
        }
    }

    bool open() {
        const auto delay = script_.options.connect_delay;
        if (delay.count() > 0 && !wire_.pause(delay))
            return false;
        return !script_.tls || wire_.handshake(script_.tls.get());
    }

    bool receive() {
        std::array<char, 16 << 10> bytes;
        const std::size_t got = wire_.read(bytes, script_.options.idle_time);
        received_.append(bytes.data(), got);
        return got > 0;
    }

    std::optional<Request> next() {
        std::size_t end = 0;
        while ((end = received_.find("\r\n\r\n")) == received_.npos)
            if (received_.size() > head_bytes_max || !receive())
                return {};
        auto request = parse_request(std::string_view(received_).substr(0, end + 2));
        received_.erase(0, end + 4);
        if (!request) {
            wire_.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            return {};
        }
        request->connection = connection_;
        request->time = std::chrono::steady_clock::now();
        faults_ = script_.faults_of(*request);
        return receive_body(*request) ? std::move(request) : std::nullopt;
    }

    bool receive_body(Request& request) {
        const std::string length = request.field("Content-Length");
        std::size_t bytes = 0;
        std::from_chars(length.data(), length.data() + length.size(), bytes);
        if (bytes == 0)
            return true;
        while (received_.size() < bytes)
            if (!meet_request_faults() || bytes > body_bytes_max || !receive())
                return false;
        request.body = received_.substr(0, bytes);
        received_.erase(0, bytes);
        script_.note_body(request.number, request.body);
        return true;
    }

    // Is the rest of the request to be read?
    bool meet_request_faults() {
        const Fault* reset = find(faults_, Kind::reset_in_request);
        const Fault* stall = find(faults_, Kind::stall_in_request);
        if (reset != nullptr && received_.size() >= reset->at) {
            wire_.close(Wire::Close::reset);
            return false;
        }
        return stall == nullptr || received_.size() < stall->at || wire_.pause({});
    }

    void tunnel(std::uint16_t port) {
        const int socket = connected_socket(port);
        if (socket < 0)
            return;
        Wire other(socket, wire_shared(), 0);
        if (received_.empty() || other.write(received_))
            wire_.relay(other);
    }

    // Is the connection to be kept?
    bool answer(Request& request) {
        const std::vector<Fault>& faults = faults_;
        const std::string denied = script_.denied(request);
        const Found found = denied.empty() ? script_.find(request, faults) : Found{};
        const Reply reply =
            denied.empty() ? reply_to(request, found, faults) : denial(request, denied);
        script_.note_status(request.number, reply.status);
        const bool connecting = request.method == "CONNECT" && reply.status == 200;
        const auto delay = script_.options.delay;
        if (delay.count() > 0 && !wire_.pause(delay))
            return false;
        if (!deliver(wire_, reply, faults))
            return false;
        if (connecting) {
            tunnel(found.tunnel);
            return false;
        }
        if (find(faults, Kind::close_at_next) == nullptr)
            return !reply.close;
        if (received_.empty())
            receive();
        return false;
    }

    Script& script_;
    const Stop& stop_;
    const std::uint64_t connection_;
    Wire wire_;
    std::string received_;
    std::vector<Fault> faults_; ///< of the request under way
};

} // namespace

Script::Script(HttpServerOptions given)
    : options(std::move(given)),
      tls(options.tls ? test_ca().server_context(*options.tls) : nullptr),
      objects(options.versions),
      total_rate(options.total_rate),
      rules(options.rules),
      rule_counts(rules.size()),
      connection_rules(options.connection_rules) {}

std::vector<Fault> Script::faults_of(Request& request) {
    const std::lock_guard lock(mutex);
    std::vector<Fault> faults;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!fits(rules[i], request))
            continue;
        const std::uint64_t number = rule_counts[i]++;
        if (number >= rules[i].first && number <= rules[i].last)
            faults.insert(faults.end(), rules[i].faults.begin(), rules[i].faults.end());
    }
    request.number = requests_count++;
    if (requests.size() < requests_noted_max)
        requests.push_back(request);
    return faults;
}

void Script::note_body(std::uint64_t number, const std::string& body) {
    const std::lock_guard lock(mutex);
    if (number >= requests.size() || body.size() > bodies_noted_bytes_max - bodies_noted_bytes)
        return;
    requests[number].body = body;
    bodies_noted_bytes += body.size();
}

void Script::note_status(std::uint64_t number, int status) {
    const std::lock_guard lock(mutex);
    if (number < requests.size())
        requests[number].status = status;
}

std::vector<Fault> Script::faults_of_connection(std::uint64_t number) const {
    const std::lock_guard lock(mutex);
    std::vector<Fault> faults;
    for (const ConnectionRule& rule : connection_rules)
        if (number >= rule.first && number <= rule.last)
            faults.push_back(rule.fault);
    return faults;
}

Found Script::find(const Request& request, const std::vector<Fault>& faults) {
    for (const Fault& fault : faults)
        if (fault.kind != Kind::replace_inside)
            objects.change(request.path, fault);
    Found found;
    const bool refused = test::find(faults, Kind::status) != nullptr ||
                         test::find(faults, Kind::s3_error) != nullptr ||
                         test::find(faults, Kind::ok_with_error) != nullptr;
    if (options.answer && !refused)
        found.page = options.answer(request);
    if (!found.page) {
        const std::lock_guard lock(mutex);
        const auto page = pages.find(request.path);
        if (page != pages.end())
            found.page = page->second;
    }
    if (request.method == "CONNECT" && options.tunnel)
        found.tunnel = options.tunnel(request);
    const std::string version = request.parameter("versionId");
    found.object = objects.find(request.path, version);
    if (const Fault* inside = test::find(faults, Kind::replace_inside)) {
        objects.change(request.path, *inside);
        if (version.empty()) // a version never changes
            found.next = objects.find(request.path);
    }
    return found;
}

std::string Script::denied(const Request& request) {
    if (!options.deny)
        return "";
    const std::lock_guard lock(deny_mutex_);
    return options.deny(request);
}

void serve(Script& script, const Stop& stop, int socket, std::uint64_t connection) {
    Session(script, stop, socket, connection).run();
}

} // namespace tz::test
