// What callers can set about remote sources. The defaults and their reasons: docs/network.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tz::format {
class Secret;
}

namespace tz {

/// How requests get there, and how long each step may take.
struct TransportOptions {
    std::chrono::milliseconds connect_timeout{5'000};     ///< DNS, TCP, proxy and TLS together
    std::chrono::milliseconds next_address_delay{250};    ///< until another address is tried too
    std::chrono::milliseconds first_byte_timeout{10'000}; ///< from the request to the answer
    std::uint64_t stall_bytes = 10 << 10; ///< fewer bytes than this in `stall_time` is a stall
    std::chrono::milliseconds stall_time{10'000};
    std::string ca_file;          ///< PEM; instead of the system's roots
    std::string certificate_file; ///< PEM, of the client, with its chain
    std::string key_file;         ///< PEM, of that certificate
    bool insecure = false;        ///< certificates are not verified; warns each time
    /// A URL; "" for none. Unset: http_proxy, https_proxy, all_proxy, no_proxy by curl's rules.
    std::optional<std::string> proxy;

    bool operator==(const TransportOptions&) const = default;
};

/// When a request is tried again.
struct RetryOptions {
    unsigned tries_max = 8; ///< of one chunk, the first included
    std::chrono::milliseconds delay_min{100};
    std::chrono::milliseconds delay_max{10'000};
    std::chrono::milliseconds total_max{180'000};      ///< of one chunk, waiting included
    std::chrono::milliseconds retry_after_max{30'000}; ///< a server that asks for more is given up
    unsigned budget = 500; ///< of a host: a retry takes 10 or 5 of it, a success gives 1 back
};

/// How an S3 object is found and asked for.
struct S3Options {
    std::string endpoint_url;          ///< unset: environment, profile, ~/.s3cfg, then AWS
    std::string region;                ///< unset: environment, profile, then us-east-1
    std::string profile;               ///< unset: AWS_PROFILE, then "default"
    bool no_sign_request = false;      ///< anonymous
    /// What is uploaded is signed with its SHA-256 over TLS too, as it always is without TLS.
    bool sign_payloads = false;
    std::optional<bool> virtual_hosts; ///< unset: where the endpoint is Amazon's or asks for it
    // Explicit credentials; all or none of the first two.
    std::string access_key_id;
    std::shared_ptr<const format::Secret> secret_access_key;
    std::shared_ptr<const format::Secret> session_token;
};

struct NetworkOptions {
    TransportOptions transport;
    RetryOptions retry;
    S3Options s3;
    unsigned redirects_max = 5;
    bool hedge = false;      ///< a request whose answer is late is sent once more
    bool allow_http = false; ///< credentials over plain HTTP to other hosts than this one
};

} // namespace tz
