// An object that is replaced while it is loaded: one of the two, whole, or an error.
#include "http_load.hpp"
#include <tz/tests/support/sanitizer.hpp>

#include <atomic>

namespace tz {
namespace {

using test::HttpLoad;
using test::HttpServer;
using test::HttpServerOptions;

class ReplacedObject : public HttpLoad {
protected:
    void SetUp() override {
        ASSERT_NE(first_.data[0][0], second_.data[0][0]);
        options_.answer = [this](const test::Request&) -> std::optional<test::Page> {
            if (requests_++ == replaced_at_)
                server_->put("/m.tensors", second_object_);
            return {};
        };
    }

    /// Whether there was an error. Without hashes, which would see a mixture, too.
    bool fails() {
        Engine engine(engine_);
        LoadOptions loading;
        loading.verify = Verify::none;
        const auto error = test::error_of([&] {
            const Loaded loaded = load(engine, open(server_->url("/m.tensors")), loading);
            // a request of the load before may come late, and count
            expect_same(loaded, loaded.tensors[0][0] == first_.data[0][0] ? first_ : second_);
        });
        if (error) {
            EXPECT_EQ(error->kind(), errc::object_changed) << error->what();
        }
        return error.has_value();
    }

    /// Of so many loads, each with the object replaced before another of its requests, how many
    /// ended with an error.
    int failures_of(int runs) {
        server_ = std::make_unique<HttpServer>(options_);
        int failed = 0;
        std::uint64_t requests_of_a_load = 1;
        for (int run = 0; run < runs; ++run) {
            server_->put("/m.tensors", first_object_);
            replaced_at_ = static_cast<std::uint64_t>(run) % requests_of_a_load;
            requests_ = 0;
            failed += fails();
            requests_of_a_load = std::max<std::uint64_t>(requests_of_a_load, requests_);
        }
        EXPECT_GT(requests_of_a_load, 5u); // else nothing was between
        return failed;
    }

    const std::vector<std::size_t> sizes_ = std::vector<std::size_t>(40, 20'000);
    const test::Sample first_{sizes_, 1};
    const test::Sample second_{sizes_, 3}; // begins with another byte
    const test::Object first_object_ = test::held_object(bytes_of(first_));
    const test::Object second_object_ = test::held_object(bytes_of(second_));
    std::atomic<std::uint64_t> requests_{0};
    std::atomic<std::uint64_t> replaced_at_{0};
    EngineOptions engine_ = [] {
        EngineOptions options;
        options.chunk_bytes = 64 << 10;
        return options;
    }();
    HttpServerOptions options_;
    std::unique_ptr<HttpServer> server_;
};

TEST_F(ReplacedObject, IsNeverMixedWhicheverRequestIsTheFirstOfTheNext) {
    constexpr int runs = test::sanitized ? 100 : 1000;
    EXPECT_GT(failures_of(runs), runs / 2);
}

} // namespace
} // namespace tz
