// The places of credentials that are asked over HTTP. For credentials.cpp only.
#pragma once

#include <tz/protocols/credentials.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// A role to assume with the token in a file.
struct WebIdentity {
    std::string provider;
    std::string role_arn;
    std::string token_file;
    std::string session_name; ///< empty: made from the time
};

/// Asks STS. The file is read each time, since its token changes.
Credentials assume_role(const WebIdentity& identity, S3Settings& settings, bool allow_http);

/// Nothing where no container's variables are set.
std::optional<Credentials> container_credentials(const S3Settings& settings);

/// Nothing where there is no such service or it has no role.
std::optional<Credentials> instance_credentials(const S3Settings& settings);

[[noreturn]] void
refuse_credentials(const std::string& provider, const std::string& what, const std::string& hint);

} // namespace tz
