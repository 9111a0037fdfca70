#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>
#include <tz/protocols/network_setting.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <span>
#include <string>

namespace tz {

namespace {

// Views: a secret is not to be left behind in a string's memory.
using Set = void (*)(NetworkOptions& options, std::string_view value);

struct NetworkOption {
    const char* name;
    Set set;
};

unsigned number(std::string_view value) {
    unsigned number = 0;
    const char* const end = std::to_address(value.end());
    const auto [rest, error] = std::from_chars(std::to_address(value.begin()), end, number);
    if (error != std::errc() || rest != end)
        throw Error(errc::usage, "not a whole number from 0 on: '" + printable(value) + "'");
    return number;
}

std::chrono::milliseconds milliseconds(std::string_view value) {
    return std::chrono::milliseconds(number(value));
}

bool flag(std::string_view value) {
    if (value != "0" && value != "1")
        throw Error(errc::usage, "neither 0 nor 1: '" + printable(value) + "'");
    return value == "1";
}

std::shared_ptr<const format::Secret> secret(std::string_view value) {
    return std::make_shared<format::Secret>(std::as_bytes(std::span(value)));
}

using Options = NetworkOptions;
using Text = std::string_view;

// The names are those of tz's options where it has them; secrets are not for a command line.
constexpr std::array network_options{
    NetworkOption{"access-key-id", [](Options& to, Text v) { to.s3.access_key_id = v; }},
    NetworkOption{"allow-http", [](Options& to, Text v) { to.allow_http = flag(v); }},
    NetworkOption{"ca-file", [](Options& to, Text v) { to.transport.ca_file = v; }},
    NetworkOption{"client-cert", [](Options& to, Text v) { to.transport.certificate_file = v; }},
    NetworkOption{"client-key", [](Options& to, Text v) { to.transport.key_file = v; }},
    NetworkOption{
        "connect-timeout-ms",
        [](Options& to, Text v) { to.transport.connect_timeout = milliseconds(v); }},
    NetworkOption{"endpoint-url", [](Options& to, Text v) { to.s3.endpoint_url = v; }},
    NetworkOption{
        "first-byte-timeout-ms",
        [](Options& to, Text v) { to.transport.first_byte_timeout = milliseconds(v); }},
    NetworkOption{"hedge", [](Options& to, Text v) { to.hedge = flag(v); }},
    NetworkOption{"insecure", [](Options& to, Text v) { to.transport.insecure = flag(v); }},
    NetworkOption{"no-sign-request", [](Options& to, Text v) { to.s3.no_sign_request = flag(v); }},
    NetworkOption{"profile", [](Options& to, Text v) { to.s3.profile = v; }},
    NetworkOption{"proxy", [](Options& to, Text v) { to.transport.proxy = v; }},
    NetworkOption{"redirects", [](Options& to, Text v) { to.redirects_max = number(v); }},
    NetworkOption{"region", [](Options& to, Text v) { to.s3.region = v; }},
    NetworkOption{
        "secret-access-key", [](Options& to, Text v) { to.s3.secret_access_key = secret(v); }},
    NetworkOption{"session-token", [](Options& to, Text v) { to.s3.session_token = secret(v); }},
    NetworkOption{
        "stall-time-ms", [](Options& to, Text v) { to.transport.stall_time = milliseconds(v); }},
    NetworkOption{"tries", [](Options& to, Text v) { to.retry.tries_max = number(v); }},
};

} // namespace

void set_network_option(NetworkOptions& options, std::string_view name, std::string_view value) {
    for (const NetworkOption& option : network_options)
        if (option.name == name)
            return option.set(options, value);
    throw Error(errc::usage, "no network option is called '" + printable(name) + "'");
}

} // namespace tz
