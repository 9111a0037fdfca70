#include <tz/format/error.hpp>
#include <tz/tools/units.hpp>

#include <gtest/gtest.h>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

template <typename Parse>
void expect_refused(Parse parse, const char* text) {
    SCOPED_TRACE(text);
    try {
        parse(text);
        ADD_FAILURE() << "was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), errc::usage);
        EXPECT_FALSE(error.hint().empty());
    }
}

TEST(Sizes, AreReadAsPeopleWriteThem) {
    const std::pair<const char*, std::uint64_t> table[] = {
        {"0", 0},
        {"8388608", 8388608},
        {"512B", 512},
        {"8K", 8192},
        {"8k", 8192},
        {"8Ki", 8192},
        {"8M", 8 << 20},
        {"8MiB", 8 << 20},
        {"8mib", 8 << 20},
        {"8 MiB", 8 << 20},
        {"8G", 8ull << 30},
        {"8GiB", 8ull << 30},
        {"1T", 1ull << 40},
        {"1PiB", 1ull << 50},
        {"8KB", 8000},
        {"8MB", 8'000'000},
        {"2GB", 2'000'000'000},
        {"2gb", 2'000'000'000},
        {"1TB", 1'000'000'000'000},
        {"1.5GiB", 3ull << 29},
        {"0.5k", 512},
        {"1.0001KB", 1000}, // no half bytes
        {"0.3MiB", 314572},
        {"18446744073709551615", 18446744073709551615u},
        {"16383P", 16383ull << 50},
    };
    for (const auto& [text, bytes] : table)
        EXPECT_EQ(parse_size(text), bytes) << text;
}

TEST(Sizes, ThatMakeNoSenseAreRefused) {
    for (const char* text :
         {"",
          " ",
          "-1",
          "+1",
          "M",
          "8Q",
          "8 M B",
          "8MiBs",
          "8iB",
          "1.5",
          "1.5B",
          "1.M",
          ".5M",
          "1..5M",
          "0x10",
          "1e3",
          " 8M",
          "8M ",
          "16384P",
          "1,5M",
          "8\nM",
          "nan",
          "8kiib",
          "18446744073709551616",
          "99999999999999999999G",
          "1.0000000001M"})
        expect_refused(parse_size, text);
}

TEST(Durations, AreReadAsPeopleWriteThem) {
    const std::pair<const char*, std::chrono::nanoseconds> table[] = {
        {"30", 30s},
        {"30s", 30s},
        {"30 s", 30s},
        {"500ms", 500ms},
        {"500MS", 500ms},
        {"2m", 2min},
        {"2min", 2min},
        {"1.5h", 90min},
        {"0.25", 250ms},
    };
    for (const auto& [text, duration] : table)
        EXPECT_EQ(parse_duration(text), duration) << text;
}

TEST(Durations, ThatMakeNoSenseAreRefused) {
    for (const char* text : {"", "s", "-3s", "3x", "1m30s", "0", "0ms", "1d", "999999999h", "inf"})
        expect_refused(parse_duration, text);
}

TEST(Sizes, AreWrittenInLabelledPowersOf1024) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(1023), "1023 B");
    EXPECT_EQ(size_text(1024), "1.0 KiB");
    EXPECT_EQ(size_text((1 << 20) - 1), "1.0 MiB"); // not 1024.0 KiB
    EXPECT_EQ(size_text(15ull << 30), "15.0 GiB");
    EXPECT_EQ(size_text(5000ull << 40), "5000.0 TiB");
}

TEST(Rates, AreDecimal) {
    EXPECT_EQ(rate_text(3'000'000'000, 2), "1.50 GB/s");
    EXPECT_EQ(gb_per_s(1, 0), 0);
}

} // namespace
} // namespace tz::cli
