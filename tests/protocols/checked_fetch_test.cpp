// fetch() and what servers tell of the checksum of an object.
#include "http_load.hpp"
#include <tz/engine/fetch.hpp>
#include <tz/format/checksum.hpp>
#include <tz/format/hash.hpp>
#include <tz/protocols/base64.hpp>

#include <filesystem>

namespace tz {
namespace {

using format::ChecksumKind;
using test::Fault;
using test::FaultKind;
using test::HttpServer;
using test::Rule;

struct Row {
    const char* header;
    std::string before; ///< of the base64, in the value
    ChecksumKind kind;
    bool s3 = false; ///< sent where it is asked for
    std::string behind{};
};

const Row rows[] = {
    {"x-amz-checksum-sha256", "", ChecksumKind::sha256, true},
    {"x-amz-checksum-sha1", "", ChecksumKind::sha1, true},
    {"x-amz-checksum-crc64nvme", "", ChecksumKind::crc64nvme, true},
    {"x-amz-checksum-crc32c", "", ChecksumKind::crc32c, true},
    {"x-amz-checksum-crc32", "", ChecksumKind::crc32, true},
    {"Repr-Digest", "sha-256=:", ChecksumKind::sha256, false, ":"},
    {"Digest", "SHA-256=", ChecksumKind::sha256},
    {"X-Goog-Hash", "crc32c=", ChecksumKind::crc32c},
    {"X-Goog-Hash", "md5=", ChecksumKind::md5},
    {"x-ms-blob-content-md5", "", ChecksumKind::md5},
};

class CheckedFetch : public test::HttpLoad {
protected:
    CheckedFetch() {
        network_.s3.endpoint_url = server_.url("", "");
        network_.s3.access_key_id = "AKIDEXAMPLE";
        network_.s3.secret_access_key = test::secret("secret");
    }

    std::string value(const Row& row, bool right) const {
        format::ChecksumStream stream(row.kind);
        stream.update(bytes_);
        format::Checksum sum = stream.finish();
        if (!right)
            sum.bytes[1] ^= std::byte{4};
        return row.before + encode_base64(sum.bytes) + row.behind;
    }

    void serve(const Row& row, const std::string& value) {
        test::Object object = test::held_object(bytes_);
        (row.s3 ? object.checksums : object.fields).emplace_back(row.header, value);
        server_.put("/bucket/m", object);
        url_ = row.s3 ? "s3://bucket/m" : server_.url("/bucket/m");
    }

    LoadStats fetch_it(std::optional<format::Sha256> sha256 = {}) {
        std::filesystem::remove(path_);
        Engine engine;
        const std::vector<FetchFile> files{{open(url_), path_, sha256}};
        return fetch(engine, files);
    }

    void expect_fetched() const { EXPECT_TRUE(test::read_file(path_) == bytes_); }

    /// And nothing is left.
    Error failure() {
        const auto error = test::error_of([&] { fetch_it(); });
        EXPECT_TRUE(error);
        const std::filesystem::directory_iterator all(to_.path());
        EXPECT_EQ(std::distance(begin(all), end(all)), 0);
        return error.value_or(Error(errc::io, "none"));
    }

    void fault(const Fault& fault, const std::string& method, std::uint64_t first = 0) {
        server_.add(Rule{.method = method, .first = first, .last = first, .faults = {fault}});
    }

    std::size_t heads() const {
        const auto requests = server_.requests();
        return static_cast<std::size_t>(
            std::ranges::count(requests, "HEAD", &test::Request::method));
    }

    std::vector<std::byte> bytes_ = test::random_bytes(3'000'017);
    HttpServer server_;
    test::TempFolder to_;
    std::string path_ = to_ / "m";
    std::string url_;
};

TEST_F(CheckedFetch, HoldsFilesAgainstWhatServersTell) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.header + row.before);
        serve(row, value(row, true));
        fetch_it();
        expect_fetched();

        std::filesystem::remove(path_);
        serve(row, value(row, false));
        const Error error = failure();
        EXPECT_EQ(error.kind(), errc::integrity);
        const std::string text = error.what();
        EXPECT_NE(text.find(format::name_of(row.kind)), text.npos) << text;
        EXPECT_NE(text.find("and not"), text.npos) << text;
        EXPECT_NE(text.find("http://127.0.0.1:" + std::to_string(server_.port())), text.npos)
            << text;
    }
}

TEST_F(CheckedFetch, NoticesABitThatWasFlippedOnTheWay) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.header + row.before);
        serve(row, value(row, true));
        fault({.kind = FaultKind::flip, .at = 100}, "GET", 1);
        EXPECT_EQ(failure().kind(), errc::integrity);
        server_.clear_rules();
    }
}

TEST_F(CheckedFetch, TakesSmallObjectsToo) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{10}, std::size_t{1} << 20}) {
        bytes_ = test::random_bytes(size);
        for (const Row& row : rows) {
            serve(row, value(row, true));
            fetch_it();
            expect_fetched();
            serve(row, value(row, false));
            std::filesystem::remove(path_);
            EXPECT_EQ(failure().kind(), errc::integrity) << row.header << size;
        }
    }
}

TEST_F(CheckedFetch, AsksS3OnceAndNobodyElse) {
    for (const Row& row : rows) {
        serve(row, value(row, true));
        const std::size_t before = heads();
        const LoadStats stats = fetch_it();
        EXPECT_EQ(heads() - before, row.s3 ? 1u : 0u) << row.header;
        EXPECT_EQ(stats.requests, row.s3 ? 3u : 2u) << row.header;
    }
    for (const auto& request : server_.requests())
        if (request.method == "HEAD") {
            EXPECT_EQ(request.field("x-amz-checksum-mode"), "ENABLED");
            EXPECT_NE(request.authorization().find("x-amz-checksum-mode"), std::string::npos);
            EXPECT_EQ(request.if_match(), server_.object("/bucket/m")->etag);
        }
}

TEST_F(CheckedFetch, AsksNobodyWhereTheCallerKnows) {
    serve(rows[0], value(rows[0], false));
    fetch_it(format::sha256(bytes_)); // and believes the caller
    expect_fetched();
    EXPECT_EQ(heads(), 0u);
}

TEST_F(CheckedFetch, IsNotStoppedByAServerThatTellsNothing) {
    const Row& row = rows[0];
    const Fault refusals[] = {
        {.kind = FaultKind::status, .amount = 403},
        {.kind = FaultKind::status, .amount = 405},
        {.kind = FaultKind::status, .amount = 412},
    };
    serve(row, value(row, false)); // which nobody gets to see
    for (const Fault& refusal : refusals) {
        fault(refusal, "HEAD");
        fetch_it();
        expect_fetched();
        server_.clear_rules();
    }
    serve(row, ""); // and no checksum at all
    fetch_it();
    expect_fetched();
}

TEST_F(CheckedFetch, AsksOnceMoreAfterAPassingFault) {
    const Row& row = rows[0];
    serve(row, value(row, false));
    const Fault passing[] = {
        {.kind = FaultKind::status, .amount = 503},
        {.kind = FaultKind::reset_unanswered},
        {.kind = FaultKind::no_answer},
    };
    for (const Fault& one : passing) {
        fault(one, "HEAD");
        EXPECT_EQ(failure().kind(), errc::integrity) << "it was told the second time";
        server_.clear_rules();
    }
}

TEST_F(CheckedFetch, LeavesChecksumsOfPartsAlone) {
    const Row& row = rows[3];
    serve(row, value(row, false) + "-3");
    fetch_it();
    expect_fetched();
}

TEST_F(CheckedFetch, AsksForNothingInALoad) {
    put(server_, "/bucket/m", sample_);
    Engine engine;
    expect_same(load(engine, open("s3://bucket/m")), sample_);
    EXPECT_EQ(heads(), 0u);
    EXPECT_EQ(server_.requests().front().field("x-amz-checksum-mode"), "ENABLED");
    EXPECT_EQ(server_.requests().back().field("x-amz-checksum-mode"), "");
}

} // namespace
} // namespace tz
