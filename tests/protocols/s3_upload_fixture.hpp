// What tests of uploads to S3 share: a store behind the scripted server, and uploads of small parts
// to it.
#pragma once

#include "s3_fixture.hpp"
#include <tz/engine/target.hpp>
#include <tz/engine/upload.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/s3_upload.hpp>
#include <tz/tests/support/s3_store.hpp>

#include <stop_token>
#include <thread>

namespace tz::test {

inline constexpr const char* uri = "s3://bucket/a b";
inline constexpr std::size_t part_bytes = 64 << 10;

class S3Uploads : public S3Test {
protected:
    S3Uploads() {
        network_.transport.first_byte_timeout = 300ms;
        network_.transport.stall_time = 300ms;
    }

    HttpServerOptions storing() {
        HttpServerOptions options = strict();
        options.answer = [this](const Request& request) { return store_.answer(request); };
        return options;
    }

    void start(HttpServerOptions options) {
        server_ = std::make_unique<HttpServer>(std::move(options));
        point_to(*server_);
    }

    void start() { start(storing()); }

    /// Five parts and a bit.
    static std::vector<std::byte> sample(std::size_t bytes = 5 * part_bytes + 1000) {
        return random_bytes(bytes, 7);
    }

    std::shared_ptr<Source> file_of(const std::vector<std::byte>& bytes) {
        write_file(folder_ / "file", bytes);
        return open_file(folder_ / "file", Direct::automatic);
    }

    void upload(
        const std::vector<std::byte>& bytes,
        Existing existing = Existing::refused,
        const UploadOptions& options = {}) {
        const auto target = s3_target(where_, network_, existing, logged_.log(), part_bytes);
        tz::upload(engine_, file_of(bytes), *target, options);
    }

    std::optional<Error>
    upload_error(const std::vector<std::byte>& bytes, Existing existing = Existing::refused) {
        auto error = error_of([&] { upload(bytes, existing); });
        if (error) {
            expect_no_secret(*error);
            EXPECT_EQ(error->source(), uri);
        } else {
            ADD_FAILURE() << "no error";
        }
        return error;
    }

    /// What an upload ends with that is stopped once such a request has come.
    std::optional<Error>
    error_of_upload_stopped_at(const std::string& method, const std::string& contains) {
        std::stop_source stop;
        UploadOptions options;
        options.stop = stop.get_token();
        std::jthread stopper([&] {
            while (requests(method, contains) == 0)
                std::this_thread::sleep_for(1ms);
            stop.request_stop();
        });
        return error_of([&] { upload(sample(), Existing::refused, options); });
    }

    void expect_stored(const std::vector<std::byte>& bytes) const {
        const auto stored = store_.object(stored_);
        ASSERT_TRUE(stored);
        EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(*stored)), bytes));
        EXPECT_EQ(store_.uploads(), 0u);
    }

    void expect_nothing_left() const {
        EXPECT_FALSE(store_.object(stored_));
        EXPECT_EQ(store_.uploads(), 0u);
    }

    /// What meets the `first` of the requests that have `method` and `contains`.
    void meet(
        const std::string& method,
        const std::string& contains,
        Fault fault,
        std::uint64_t first = 0,
        std::uint64_t last = 0) {
        Rule rule;
        rule.method = method;
        rule.contains = contains;
        rule.first = first;
        rule.last = last;
        rule.faults.push_back(std::move(fault));
        server_->add(rule);
    }

    std::size_t requests(const std::string& method, const std::string& contains = {}) const {
        const auto all = server_->requests();
        return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Request& request) {
            return request.method == method && request.target.find(contains) != std::string::npos;
        }));
    }

    S3Store store_;
    std::string where_ = uri;
    std::string stored_ = "/bucket/a%20b";
    std::unique_ptr<HttpServer> server_;
};

} // namespace tz::test
