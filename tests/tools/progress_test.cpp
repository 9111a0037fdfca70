#include <tz/tools/progress.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <pty.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tz::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t gib = 1ull << 30;

Progress half_way() {
    return {Phase::tensors, 5 * gib, 10 * gib, 1, 2};
}

TEST(ProgressText, SaysHowFarHowFastAndHowLong) {
    EXPECT_EQ(
        progress_text(half_way(), 2.5 * gib, 0), " 50 %  5.0 GiB of 10.0 GiB  2.68 GB/s  ETA 0:02");
    EXPECT_EQ(
        progress_text(half_way(), gib / 1000.0, 0),
        " 50 %  5.0 GiB of 10.0 GiB  0.00 GB/s  ETA 1:23:20");
}

TEST(ProgressText, SurvivesWhatIsUnknown) {
    EXPECT_EQ(progress_text({}, 0, 0), "reading the index");
    EXPECT_EQ(progress_text(half_way(), 0, 0), " 50 %  5.0 GiB of 10.0 GiB  0.00 GB/s  ETA -:--");
    EXPECT_EQ(
        progress_text({Phase::tensors, 0, 0, 0, 0}, 0, 0),
        "100 %  0 B of 0 B  0.00 GB/s  ETA 0:00");
}

TEST(ProgressText, FitsItsColumns) {
    for (unsigned columns = 1; columns < 200; ++columns)
        EXPECT_LT(progress_text(half_way(), gib, columns).size(), columns) << columns;
    EXPECT_NE(
        progress_text(half_way(), gib, 120).find("[==========          ]"), std::string::npos);
}

Progress with_stages() {
    Progress progress = half_way();
    progress.stage_seconds[static_cast<std::size_t>(Stage::read)] = 3;
    progress.stage_seconds[static_cast<std::size_t>(Stage::verify)] = 0.999;
    progress.stage_seconds[static_cast<std::size_t>(Stage::put)] = 0.001;
    return progress;
}

TEST(ProgressText, SaysWhichStagesTakeTheTime) {
    EXPECT_TRUE(progress_text(with_stages(), gib, 0).ends_with("  read 75 %  verify 24 %"));
}

TEST(ProgressText, LeavesTheStagesOutWhereTheyDontFit) {
    for (unsigned columns = 1; columns < 200; ++columns) {
        const std::string text = progress_text(with_stages(), gib, columns);
        EXPECT_LT(text.size(), columns) << columns;
        EXPECT_EQ(text.find("read") != text.npos, text.ends_with("verify 24 %")) << text;
    }
    EXPECT_EQ(progress_text(with_stages(), gib, 60).find("read"), std::string::npos);
    EXPECT_NE(progress_text(with_stages(), gib, 80).find("read"), std::string::npos);
}

TEST(ProgressText, HasNoColours) {
    EXPECT_EQ(progress_text(with_stages(), gib, 120).find('\x1b'), std::string::npos);
}

// What a console wrote to a pipe or to a terminal.
class Screen {
public:
    explicit Screen(bool terminal) {
        if (terminal) {
            const winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
            EXPECT_EQ(::openpty(&ends_[0], &ends_[1], nullptr, nullptr, &size), 0);
        } else {
            EXPECT_EQ(::pipe(ends_.data()), 0);
        }
        ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }

    ~Screen() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

    int fd() const { return ends_[1]; }

    std::string text() const {
        std::string all;
        std::array<char, 4096> buffer;
        for (ssize_t got; (got = ::read(ends_[0], buffer.data(), buffer.size())) > 0;)
            all.append(buffer.data(), static_cast<std::size_t>(got));
        return all;
    }

private:
    std::array<int, 2> ends_{};
};

struct Reports : testing::Test {
    ProgressReport::Clock::time_point now = ProgressReport::Clock::now();

    // Ten updates a second.
    void feed(ProgressReport& report, std::chrono::seconds duration) {
        for (const auto end = now + duration; now < end; now += 100ms)
            report.update(half_way(), now);
    }
};

TEST_F(Reports, AutomaticSaysNothingOfAShortLoadOffATerminal) {
    Screen screen(false);
    Console console(screen.fd());
    ProgressReport report(console, ShowProgress::automatic, now);
    feed(report, 9s);
    report.finish();
    EXPECT_EQ(screen.text(), "");
}

TEST_F(Reports, AutomaticWritesALineEachTenSecondsOffATerminal) {
    Screen screen(false);
    Console console(screen.fd());
    ProgressReport report(console, ShowProgress::automatic, now);
    feed(report, 35s);
    report.finish();
    const std::string text = screen.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
    EXPECT_EQ(text.find_first_of("\r\x1b"), text.npos);
    EXPECT_NE(text.find("100 %"), text.npos);
}

TEST_F(Reports, OnWritesTheLastLineAlways) {
    Screen screen(false);
    Console console(screen.fd());
    ProgressReport report(console, ShowProgress::on, now);
    feed(report, 1s);
    report.finish();
    const std::string text = screen.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(Reports, OffWritesNothing) {
    ::setenv("TERM", "xterm", 1);
    Screen screen(true);
    Console console(screen.fd());
    ProgressReport report(console, ShowProgress::off, now);
    feed(report, 35s);
    report.finish();
    EXPECT_EQ(screen.text(), "");
}

TEST_F(Reports, ATerminalGetsABarThatIsTakenAway) {
    ::setenv("TERM", "xterm", 1);
    Screen screen(true);
    Console console(screen.fd());
    ProgressReport report(console, ShowProgress::automatic, now);
    for (int i = 0; i < 100; ++i)
        report.update(half_way(), now += 10ms);
    report.finish();
    const std::string text = screen.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '['), 10 + 11); // 10 bars, 11 times ESC[K
    EXPECT_TRUE(text.ends_with("\r\x1b[K"));
    EXPECT_EQ(text.find('\n'), text.npos);
}

TEST_F(Reports, ADumbTerminalGetsLines) {
    ::setenv("TERM", "dumb", 1);
    Screen screen(true);
    EXPECT_FALSE(Console(screen.fd()).terminal());
}

TEST_F(Reports, ALineReplacesTheBar) {
    ::setenv("TERM", "xterm", 1);
    Screen screen(true);
    Console console(screen.fd());
    console.bar("bar");
    console.line("line");
    EXPECT_EQ(screen.text(), "\rbar\x1b[K\r\x1b[Kline\r\n");
}

} // namespace
} // namespace tz::cli
