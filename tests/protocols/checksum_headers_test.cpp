#include <tz/protocols/checksum_headers.hpp>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <span>
#include <string>

namespace tz {
namespace {

using format::ChecksumKind;
using Headers = std::map<std::string, std::string, std::less<>>;

// of "123456789"
const std::string sha256 = "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=";
const std::string sha1 = "98O8HYCOBHMq32eZZczDTKeuNEE=";
const std::string md5 = "JfnnlDI7RTiF9RgfG2JNCw==";
const std::string crc64 = "rosUhgp5mIg=";
const std::string crc32c = "4waSgw==";
const std::string crc32 = "y/Q5Jg==";

std::optional<format::Checksum> read(const Headers& headers, bool whole) {
    const HeaderLookup look_up = [&headers](std::string_view name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::nullopt
                                      : std::optional<std::string_view>(found->second);
    };
    return checksum_of(look_up, whole);
}

format::Checksum right(ChecksumKind kind) {
    format::ChecksumStream stream(kind);
    stream.update(std::as_bytes(std::span("123456789", 9)));
    return stream.finish();
}

struct Row {
    const char* name;
    Headers headers;
    std::optional<ChecksumKind> of_whole; ///< that is read from an answer with all of the object
    std::optional<ChecksumKind> of_range; ///< or from one to a range of it
};

constexpr auto none = std::nullopt;

const Row rows[] = {
    {"nothing", {}, none, none},
    {"an ETag like MD5", {{"etag", "\"25f9e794323b453885f5181f1b624d0b\""}}, none, none},
    {"S3's SHA-256", {{"x-amz-checksum-sha256", sha256}}, ChecksumKind::sha256, none},
    {"S3's SHA-1", {{"x-amz-checksum-sha1", sha1}}, ChecksumKind::sha1, none},
    {"S3's CRC-64", {{"x-amz-checksum-crc64nvme", crc64}}, ChecksumKind::crc64nvme, none},
    {"S3's CRC-32C", {{"x-amz-checksum-crc32c", crc32c}}, ChecksumKind::crc32c, none},
    {"S3's CRC-32", {{"x-amz-checksum-crc32", crc32}}, ChecksumKind::crc32, none},
    {"S3's, several",
     {{"x-amz-checksum-crc32", crc32}, {"x-amz-checksum-crc64nvme", crc64}},
     ChecksumKind::crc64nvme,
     none},
    {"S3's, said to be whole",
     {{"x-amz-checksum-crc32c", crc32c}, {"x-amz-checksum-type", "FULL_OBJECT"}},
     ChecksumKind::crc32c,
     none},
    {"of parts",
     {{"x-amz-checksum-sha256", sha256 + "-3"}, {"x-amz-checksum-type", "COMPOSITE"}},
     none,
     none},
    {"of parts, by type",
     {{"x-amz-checksum-crc32c", crc32c}, {"x-amz-checksum-type", "COMPOSITE"}},
     none,
     none},
    {"of parts, by form", {{"x-amz-checksum-crc32", crc32 + "-3"}}, none, none},
    {"RFC 9530",
     {{"repr-digest", "sha-512=:AAAA:, sha-256=:" + sha256 + ":"}},
     ChecksumKind::sha256,
     ChecksumKind::sha256},
    {"RFC 9530 without colons", {{"repr-digest", "sha-256=" + sha256}}, none, none},
    {"RFC 9530, of the answer", {{"content-digest", "sha-256=:" + sha256 + ":"}}, none, none},
    {"RFC 3230",
     {{"digest", "md5=" + md5 + ",SHA-256=" + sha256}},
     ChecksumKind::sha256,
     ChecksumKind::sha256},
    {"Google's",
     {{"x-goog-hash", "crc32c=" + crc32c + ",md5=" + md5}},
     ChecksumKind::md5,
     ChecksumKind::md5},
    {"Google's, of a composed object",
     {{"x-goog-hash", "crc32c=" + crc32c}, {"x-goog-stored-content-encoding", "identity"}},
     ChecksumKind::crc32c,
     ChecksumKind::crc32c},
    {"Google's, stored compressed",
     {{"x-goog-hash", "crc32c=" + crc32c}, {"x-goog-stored-content-encoding", "gzip"}},
     none,
     none},
    {"Azure's", {{"x-ms-blob-content-md5", md5}}, ChecksumKind::md5, ChecksumKind::md5},
    {"Content-MD5", {{"content-md5", md5}}, ChecksumKind::md5, none},
    {"two servers' at once",
     {{"content-md5", md5}, {"x-amz-checksum-crc32", crc32}},
     ChecksumKind::md5,
     none},
};

TEST(ChecksumOf, TakesTheOneThatTellsMost) {
    for (const Row& row : rows)
        for (const bool whole : {true, false}) {
            const auto expected = whole ? row.of_whole : row.of_range;
            const auto found = read(row.headers, whole);
            ASSERT_EQ(found.has_value(), expected.has_value()) << row.name << whole;
            EXPECT_TRUE(!found || *found == right(*expected)) << row.name << whole;
        }
}

TEST(ChecksumOf, LeavesOutWhatBreaksItsForm) {
    for (const char* text :
         {"",
          "y/Q5Jg",
          "y/Q5Jg=",
          "y/Q5Jh==",
          "y/Q5J*==",
          "y/Q5JgAA",
          "y/Q5=g==",
          "AAAAAAAAAAA="}) {
        EXPECT_FALSE(read({{"x-amz-checksum-crc32", text}}, true)) << text;
        EXPECT_FALSE(read({{"x-goog-hash", "crc32c=" + std::string(text)}}, true)) << text;
    }
    for (const char* list :
         {"", ",", "=", "sha-256", "sha-256=", "sha-256=:", "sha-256=::", " , ,"})
        for (const char* name : {"repr-digest", "digest", "x-goog-hash"})
            EXPECT_FALSE(read({{name, list}}, true)) << name << list;
}

} // namespace
} // namespace tz
