// What tests of loads from servers share.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/slow_source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tz::test {

using namespace std::chrono_literals;

/// Wants what it is told to, often.
class Wanting final : public Pacer {
public:
    explicit Wanting(std::function<unsigned(const PaceSample&)> wanted)
        : wanted_(std::move(wanted)) {}

    unsigned lanes_wanted(const PaceSample& sample) override { return wanted_(sample); }

    std::chrono::milliseconds period() const override { return 1ms; }

private:
    std::function<unsigned(const PaceSample&)> wanted_;
};

/// Loads objects of one server, `host_`.
class RemoteTest : public testing::Test {
protected:
    std::vector<std::byte> bytes_of(const Sample& sample, const SaveOptions& saving = {}) {
        save(folder_ / "object", sample.views, saving);
        return read_file(folder_ / "object");
    }

    std::shared_ptr<SlowSource> object(const Sample& sample, const SaveOptions& saving = {}) {
        return std::make_shared<SlowSource>(
            "object" + std::to_string(objects_++), host_, bytes_of(sample, saving));
    }

    static void expect_same(const LoadedFile& loaded, const Sample& sample) {
        ASSERT_EQ(loaded.tensors.size(), sample.data.size());
        for (std::size_t i = 0; i < sample.data.size(); ++i)
            EXPECT_TRUE(std::ranges::equal(loaded.tensors[i], sample.data[i])) << i;
    }

    /// The supervising thread then looks every 10 ms.
    static LoadOptions watched() {
        LoadOptions options;
        options.deadline = 60s;
        return options;
    }

    void pace(std::function<unsigned(const PaceSample&)> wanted) {
        host_->pacer = [wanted](unsigned, unsigned) { return std::make_unique<Wanting>(wanted); };
    }

    TempFolder folder_;
    std::shared_ptr<SlowHost> host_ = std::make_shared<SlowHost>();
    int objects_ = 0;
};

} // namespace tz::test
