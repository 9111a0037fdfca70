// What tests of loads over HTTP share: a server with an object, and settings that fail soon.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/source.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/http_server.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tz::test {

using namespace std::chrono_literals;

/// What was logged. Any thread.
class Logged {
public:
    Log log() {
        return [this](LogLevel level, const std::string& line) {
            const std::lock_guard lock(mutex_);
            lines_.push_back(line);
            if (level == LogLevel::warning)
                warnings_.push_back(line);
        };
    }

    std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

    std::vector<std::string> warnings() const {
        const std::lock_guard lock(mutex_);
        return warnings_;
    }

    bool says(const std::string& text) const {
        const auto all = lines();
        return std::ranges::any_of(
            all, [&](const auto& line) { return line.find(text) != line.npos; });
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<std::string> warnings_; ///< of them
};

inline NetworkOptions quick_network() {
    NetworkOptions network;
    network.transport.connect_timeout = 1000ms;
    network.transport.first_byte_timeout = 400ms;
    network.transport.stall_time = 400ms;
    network.transport.proxy = "";
    network.retry.tries_max = 5;
    network.retry.delay_min = 1ms;
    network.retry.delay_max = 5ms;
    network.retry.budget = 10'000;
    return network;
}

class HttpLoad : public testing::Test {
protected:
    std::vector<std::byte> bytes_of(const Sample& sample, const SaveOptions& saving = {}) {
        save(folder_ / "made", sample.views, saving);
        return read_file(folder_ / "made");
    }

    void put(HttpServer& server, const std::string& path, const Sample& sample) {
        server.put(path, held_object(bytes_of(sample)));
    }

    std::shared_ptr<Source> open(const std::string& url) {
        return tz::open(url, network_, Direct::automatic, logged_.log());
    }

    static void expect_same(const LoadedFile& loaded, const Sample& sample) {
        ASSERT_EQ(loaded.tensors.size(), sample.data.size());
        for (std::size_t i = 0; i < sample.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
    }

    void trust_test_ca() {
        write_pem(folder_ / "ca.pem", test_ca().pem());
        network_.transport.ca_file = folder_ / "ca.pem";
    }

    TempFolder folder_;
    NetworkOptions network_ = quick_network();
    Logged logged_;
    Sample sample_{{1000, 300'000, 0, 70'000}};
};

} // namespace tz::test
