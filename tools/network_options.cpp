#include <tz/format/error.hpp>
#include <tz/protocols/url.hpp>
#include <tz/tools/network_options.hpp>
#include <tz/tools/typed_options.hpp>
#include <tz/tools/units.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace tz::cli {

namespace {

constexpr const char* group = "Remote files";

void add_flag(CLI::App& app, const std::string& name, bool& to, const std::string& help) {
    app.add_flag(name, to, help)->group(group);
}

void add_time(
    CLI::App& app,
    const std::string& name,
    std::chrono::milliseconds& to,
    const std::string& help) {
    const auto parse = [&to](const std::string& text) {
        const auto time = std::chrono::floor<std::chrono::milliseconds>(parse_duration(text));
        if (time.count() == 0)
            throw Error(errc::usage, "'" + printable(text) + "' is less than 1ms");
        to = time;
    };
    add_parsed(app, name, "TIME", help, parse)->group(group);
}

void set_proxy(std::optional<std::string>& proxy, const std::string& text) {
    if (text.find('@') != text.npos)
        throw Error(
            errc::usage,
            "the user and password of a proxy don't belong here",
            {},
            "set https_proxy or http_proxy in the environment");
    proxy = text;
}

void add_tls_options(CLI::App& app, TransportOptions& transport) {
    add_text(app, "--ca-file", "PATH", transport.ca_file, "Trust these authorities alone (PEM)")
        ->group(group);
    CLI::Option* certificate = add_text(
        app,
        "--client-cert",
        "PATH",
        transport.certificate_file,
        "Certificate to show to servers (PEM)");
    certificate->group(group);
    add_text(app, "--client-key", "PATH", transport.key_file, "Its private key (PEM)")
        ->needs(certificate)
        ->group(group);
    add_flag(app, "--insecure", transport.insecure, "Take any certificate of a server");
}

} // namespace

void add_s3_options(CLI::App& app, S3Options& s3) {
    add_text(
        app,
        "--endpoint-url",
        "URL",
        s3.endpoint_url,
        "S3 server, or coreweave, or coreweave-accelerated")
        ->group(group);
    add_text(app, "--region", "NAME", s3.region, "Region of the S3 server")->group(group);
    add_text(app, "--profile", "NAME", s3.profile, "Profile in ~/.aws for S3")->group(group);
    add_flag(app, "--no-sign-request", s3.no_sign_request, "Read S3 without credentials");
}

void add_network_options(CLI::App& app, NetworkOptions& network) {
    TransportOptions& transport = network.transport;
    add_s3_options(app, network.s3);
    add_tls_options(app, transport);
    add_flag(app, "--allow-http", network.allow_http, "Send credentials without TLS too");
    const auto proxy = [&transport](const std::string& text) { set_proxy(transport.proxy, text); };
    add_parsed(app, "--proxy", "URL", "Proxy; '' for none (the environment's)", proxy)
        ->group(group);
    add_time(app, "--connect-timeout", transport.connect_timeout, "Longest for a connection (5s)");
    add_time(
        app, "--first-byte-timeout", transport.first_byte_timeout, "Longest for an answer (10s)");
    add_time(
        app, "--stall-time", transport.stall_time, "Longest with less than 10 KiB of bytes (10s)");
    add_number(app, "--tries", network.retry.tries_max, "Of a chunk, the first included (8)")
        ->check(CLI::Range(1, 1000).description(""))
        ->group(group);
    add_flag(app, "--hedge", network.hedge, "Send a request again where its answer is late");
    add_number(app, "--redirects", network.redirects_max, "Most to follow (5)")->group(group);
}

} // namespace tz::cli
