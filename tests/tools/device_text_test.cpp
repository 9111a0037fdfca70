#include <tz/format/error.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tools/device_text.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

TEST(DeviceText, NamesDevices) {
    EXPECT_EQ(parse_devices("cpu"), std::vector<int>{});
    EXPECT_EQ(parse_devices("cuda"), std::vector<int>{0});
    EXPECT_EQ(parse_devices("cuda:0"), std::vector<int>{0});
    EXPECT_EQ(parse_devices("cuda:3,cuda:1"), (std::vector<int>{3, 1}));
    EXPECT_EQ(devices_text({3, 1}), "cuda:3,cuda:1");
}

TEST(DeviceText, RefusesWhatNamesNone) {
    for (const char* text :
         {"",
          "gpu",
          "cuda:",
          "cuda:-1",
          "cuda:1x",
          "cuda:x",
          "cuda0",
          "cuda:0,",
          "cuda:0,cpu",
          "cuda:1,cuda:1",
          "cuda,cuda:0",
          "cuda:128",
          "cuda:99999999999"}) {
        const auto error = test::error_of([text] { parse_devices(text); });
        ASSERT_TRUE(error) << text;
        EXPECT_EQ(error->kind(), errc::usage) << text;
    }
}

} // namespace
} // namespace tz::cli
