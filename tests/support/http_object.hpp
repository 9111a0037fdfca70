// What the test server serves: bytes that are held, or made from their offset, so that 20 GiB cost
// nothing. Objects is for any thread.
#pragma once

#include <tz/tests/support/http_fault.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz::test {

/// One version of an object.
struct Object {
    std::uint64_t bytes = 0;
    std::uint64_t seed = 1;                               ///< of bytes that are not held
    std::shared_ptr<const std::vector<std::byte>> held{}; ///< or null
    std::string etag{};                                   ///< with its quotes
    std::time_t modified = 1'700'000'000;                 ///< seconds since 1970
    std::string version_id{};                             ///< "" without versioning
    std::string content_type = "application/octet-stream";
    std::vector<std::pair<std::string, std::string>> fields{}; ///< of each answer
    /// Only of answers with the whole object or to HEAD, and where x-amz-checksum-mode asks.
    std::vector<std::pair<std::string, std::string>> checksums{};

    /// Any part of it, that lies within `bytes`.
    void read(std::uint64_t offset, std::span<std::byte> to) const;
    std::vector<std::byte> all() const; ///< for tests that compare
};

Object generated_object(std::uint64_t bytes, std::uint64_t seed = 1);
Object held_object(std::vector<std::byte> bytes);
Object text_object(const std::string& text);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::time_t time);
std::optional<std::time_t> parse_http_date(const std::string& text);

/// All objects with their earlier versions.
class Objects {
public:
    /// With versions, each gets an id that `version` of find() understands.
    explicit Objects(bool versions) : versions_(versions) {}

    void put(const std::string& path, Object object);
    void remove(const std::string& path);

    /// The newest version, or the one that is named.
    std::optional<Object> find(const std::string& path, const std::string& version = "") const;

    /// What `replace`, `replace_inside`, `resize` and `remove` do; other faults do nothing.
    void change(const std::string& path, const Fault& fault);

private:
    struct Entry {
        std::vector<Object> versions; ///< oldest first, never empty
        bool removed = false;
    };

    void append(Entry& entry, Object object);

    const bool versions_;
    mutable std::mutex mutex_;
    std::uint64_t last_version_ = 0;
    std::map<std::string, Entry> entries_;
};

} // namespace tz::test
