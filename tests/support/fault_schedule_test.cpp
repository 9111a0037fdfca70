// Faults as text, and schedules that are the same for the same seed.
#include "raw_client.hpp"
#include <tz/tests/support/fault_schedule.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

namespace tz::test {
namespace {

using Kind = FaultKind;
using std::chrono::milliseconds;

std::uint64_t random_seed() {
    const char* given = std::getenv("TZ_TEST_SEED");
    return given != nullptr ? std::stoull(given) : std::random_device{}();
}

FaultMix everything() {
    FaultMix mix;
    mix.harmless = mix.passing = mix.wrong = mix.changing = mix.corrupting = mix.hanging = 1;
    mix.connections = 5;
    mix.tls = true;
    mix.body_bytes = 1000;
    return mix;
}

TEST(Fault, IsNamed) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < fault_kinds; ++i)
        names.insert(name(static_cast<Kind>(i)));
    EXPECT_EQ(names.size(), fault_kinds);
    // the names are a list beside the kinds: if they were shifted, these would not be right
    EXPECT_EQ(name(Kind::close_after), "close_after");
    EXPECT_EQ(name(Kind::multipart), "multipart");
    EXPECT_EQ(name(Kind::no_last_modified), "no_last_modified");
    EXPECT_EQ(name(Kind::skewed_date), "skewed_date");
    EXPECT_EQ(name(Kind::connection_close), "connection_close");
    EXPECT_EQ(name(Kind::tls_cut_hello), "tls_cut_hello");
}

TEST(Fault, IsPrinted) {
    EXPECT_EQ(to_string(Fault{Kind::flip, 7}), "flip at=7");
    const Fault busy{.amount = 503, .time = milliseconds(5), .retry_after = "3"};
    EXPECT_EQ(to_string(busy), "status amount=503 time=5ms retry_after='3'");
    const Rule rule{
        .path = "/o",
        .first = 3,
        .faults = {{Kind::flip, 7}, {.kind = Kind::s3_error, .text = "SlowDown"}}};
    EXPECT_EQ(to_string(rule), "/o 3-: flip at=7, s3_error text='SlowDown'");
    EXPECT_EQ(to_string(ConnectionRule{2, 2, {Kind::drop}}), "connection 2: drop");
}

TEST(FaultSchedule, IsTheSameForTheSameSeed) {
    const std::uint64_t seed = random_seed();
    const Schedule schedule = draw(seed, 100, everything());
    EXPECT_EQ(schedule, draw(seed, 100, everything())) << seed;
    EXPECT_NE(to_string(schedule), to_string(draw(seed + 1, 100, everything()))) << seed;
    EXPECT_EQ(to_string(schedule).find('\n'), std::string::npos);
}

TEST(FaultSchedule, IsTheSameOnEveryMachine) {
    FaultMix mix;
    mix.percent = 50;
    mix.connections = 3;
    mix.path = "/o";
    EXPECT_EQ(
        to_string(draw(1, 6, mix)),
        "seed 1; /o 0: close_unanswered; /o 1: early_hints; /o 2: short_body amount=425; "
        "connection 0: drop; connection 1: drop_reset; connection 2: drop_reset");
}

TEST(FaultSchedule, DrawsEveryKindOfTheGroupsAskedFor) {
    std::set<Kind> drawn;
    for (std::uint64_t seed = 0; seed < 100; ++seed)
        for (const Rule& rule : draw(seed, 100, everything()).rules)
            for (const Fault& fault : rule.faults)
                drawn.insert(fault.kind);
    for (const FaultGroup group :
         {FaultGroup::harmless,
          FaultGroup::passing,
          FaultGroup::wrong,
          FaultGroup::changing,
          FaultGroup::corrupting,
          FaultGroup::hanging})
        for (const Kind kind : kinds_of(group))
            EXPECT_TRUE(drawn.contains(kind)) << name(kind);
}

TEST(FaultSchedule, DrawsNothingElse) {
    FaultMix mix;
    mix.percent = 100;
    mix.passing = 0;
    mix.harmless = 1;
    const auto kinds = kinds_of(FaultGroup::harmless);
    const std::set<Kind> allowed(kinds.begin(), kinds.end());
    const Schedule schedule = draw(random_seed(), 200, mix);
    EXPECT_EQ(schedule.rules.size(), 200u);
    EXPECT_TRUE(schedule.connection_rules.empty());
    for (const Rule& rule : schedule.rules)
        for (const Fault& fault : rule.faults)
            EXPECT_TRUE(allowed.contains(fault.kind)) << to_string(fault);
}

// Whatever is drawn, the server answers the request after it.
TEST(FaultSchedule, LeavesAServerThatWorks) {
    FaultMix mix = everything();
    mix.percent = 100;
    mix.time_max = milliseconds(2);
    mix.connections = 0;
    const std::uint64_t seed = random_seed();
    HttpServerOptions options;
    const Schedule schedule = draw(seed, 60, mix);
    options.rules = schedule.rules;
    HttpServer server(options);
    server.put("/o", generated_object(1000));
    for (int i = 0; i < 60; ++i) {
        RawClient client(server.port());
        client.ask("/o", {{"Range", "bytes=100-899"}});
        std::string all;
        client.set_timeout(milliseconds(50));
        for (std::string more = client.some(); !more.empty() && all.size() < 2'000'000;
             more = client.some())
            all += more;
    }
    EXPECT_EQ(server.counts().requests, 60u) << to_string(schedule);
    server.put("/o", text_object("text"));
    EXPECT_EQ(ask(server, "/o").body, "text") << to_string(schedule);
}

} // namespace
} // namespace tz::test
