// What the search for credentials and endpoints needs of the world, handed in so that the search
// itself does no I/O and can be tested as a table.
#pragma once

#include <tz/protocols/url.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tz {

/// A small request, made whole or not at all. Its body and headers may hold secrets.
struct HttpCall {
    std::string method;
    Url url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::chrono::milliseconds timeout{}; ///< for everything, from the look-up of the name on
    std::size_t answer_bytes_max = 0;    ///< a longer answer is an error
    /// Goes only to addresses that `container_address()` allows, whatever the name resolves to.
    bool container_hosts_only = false;
};

struct HttpAnswer {
    int status = 0;
    std::string body; ///< may hold secrets
};

/// Each may be called from several threads at once.
struct Surroundings {
    std::function<std::optional<std::string>(const std::string& name)> environment;
    /// The text of a file; nothing where there is none. Reads no more than 1 MiB + 1 byte, and
    /// throws `tz::Error` for what cannot be read.
    std::function<std::optional<std::string>(const std::string& path)> read_file;
    /// Waits for the answer: never called on a loop's thread. Follows no redirect and asks no
    /// proxy for link-local addresses. Throws `tz::Error` when there is no answer.
    std::function<HttpAnswer(const HttpCall& call)> http;
    std::function<std::chrono::system_clock::time_point()> now;
};

} // namespace tz
