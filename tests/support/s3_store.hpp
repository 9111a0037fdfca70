// What an S3 server does with objects that are written to it: behind the test server, which
// answers with it (`HttpServerOptions::answer`).
#pragma once

#include <tz/tests/support/http_server.hpp>

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace tz::test {

/// Any thread.
class S3Store {
public:
    bool checksums = false;         ///< CRC-32C of parts and of the whole, as Amazon has them
    bool refuses_checksums = false; ///< 501 where a request speaks of them
    bool conditions = true;         ///< If-None-Match; else 501
    bool ignores_conditions = false;
    std::size_t page = 1000; ///< uploads in one answer
    std::string wrong_crc{}; ///< told of each part instead of the right one

    /// For `HttpServerOptions::answer`; the store outlives the server.
    std::optional<Page> answer(const Request& request);

    /// By path.
    std::optional<std::string> object(const std::string& path) const;
    void put(const std::string& path, std::string bytes);
    std::size_t uploads() const; ///< neither completed nor aborted
    std::size_t parts() const;   ///< of these

private:
    struct Object {
        std::string bytes;
        std::string token;
    };

    struct Upload {
        std::string path;
        std::string token;
        bool checksums = false;
        std::map<int, std::string> parts{};
    };

    Page head(const Request& request) const;
    Page put_object(const Request& request);
    Page create(const Request& request);
    Page put_part(const Request& request);
    Page complete(const Request& request);
    Page abort(const Request& request);
    Page list(const Request& request) const;
    bool taken(const Request& request) const;

    mutable std::mutex mutex_;
    std::map<std::string, Object> objects_;
    std::map<std::string, Upload> uploads_;
    int last_id_ = 0;
};

/// Base64 of the CRC-32C.
std::string crc32c_base64(const std::string& bytes);

} // namespace tz::test
