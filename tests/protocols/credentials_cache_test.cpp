#include "support/made_surroundings.hpp"
#include <tz/protocols/credentials.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::secret;

/// A search that gives new credentials each time, or what a test says.
struct Searched {
    std::atomic<int> searches = 0;
    std::atomic<std::int64_t> seconds = 1000; // the clock
    std::optional<std::chrono::seconds> lives = 3600s;
    bool same = false;
    bool fails = false;
    CredentialsCache cache{[this] { return search(); }, [this] { return now(); }};

    CredentialsCache::Time now() const {
        return CredentialsCache::Time(std::chrono::seconds(seconds.load()));
    }

    Credentials search() {
        const int number = ++searches;
        if (fails)
            throw Error(errc::denied, "search " + std::to_string(number));
        Credentials found;
        found.access_key_id = same ? "ID" : "ID" + std::to_string(number);
        found.secret = secret("s");
        if (lives)
            found.expires = now() + *lives;
        return found;
    }

    std::string get() { return cache.get().credentials->access_key_id; }
};

TEST(CredentialsCache, KeepsWhatDoesNotExpire) {
    Searched made;
    made.lives.reset();
    EXPECT_FALSE(made.cache.ready());
    EXPECT_EQ(made.get(), "ID1");
    made.seconds = 1'000'000'000;
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.cache.ready()->generation, 1u);
}

TEST(CredentialsCache, RenewsFiveMinutesBeforeTheyExpire) {
    Searched made;
    EXPECT_EQ(made.get(), "ID1");
    made.seconds += 3299;
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_TRUE(made.cache.ready());
    made.seconds += 1;
    EXPECT_FALSE(made.cache.ready());
    EXPECT_EQ(made.get(), "ID2");
    EXPECT_EQ(made.cache.get().generation, 2u);
}

TEST(CredentialsCache, UsesTheOldOnesWhileTheyAreGoodIfRenewingFails) {
    Searched made;
    EXPECT_EQ(made.get(), "ID1");
    made.fails = true;
    made.seconds += 3400;
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.searches, 2); // not at each call
    made.seconds += 10;
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.searches, 3);
    made.seconds += 190; // expired
    EXPECT_STREQ(error_of([&] { made.get(); }).what(), "search 4");
    made.fails = false;
    EXPECT_STREQ(error_of([&] { made.get(); }).what(), "search 4"); // kept for a while
    made.seconds += 10;
    EXPECT_EQ(made.get(), "ID5");
}

TEST(CredentialsCache, KeepsTheErrorOfAFailedSearchForAWhile) {
    Searched made;
    made.fails = true;
    for (int i = 0; i < 3; ++i) {
        const Error error = error_of([&] { made.get(); });
        EXPECT_EQ(error.kind(), errc::denied);
        EXPECT_STREQ(error.what(), "search 1");
        EXPECT_FALSE(made.cache.ready());
    }
    made.seconds -= 100; // a clock set back makes it no longer
    EXPECT_STREQ(error_of([&] { made.get(); }).what(), "search 2");
}

TEST(CredentialsCache, LetsTheServerJudgeCredentialsThatSeemExpired) {
    Searched made;
    made.lives = -600s;
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.get(), "ID1");
    EXPECT_EQ(made.searches, 1);
    made.seconds += 10;
    EXPECT_EQ(made.get(), "ID2");
}

TEST(CredentialsCache, SearchesOnceForManyThreads) {
    Searched made;
    std::latch start(64);
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> lanes;
        for (int i = 0; i < 64; ++i)
            lanes.emplace_back([&] {
                start.arrive_and_wait();
                right += made.get() == "ID1";
            });
    }
    EXPECT_EQ(right, 64);
    EXPECT_EQ(made.searches, 1);
}

TEST(CredentialsCache, RenewsOnceForManyDenials) {
    Searched made;
    const std::uint64_t denied = made.cache.get().generation;
    std::latch start(64);
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> lanes;
        for (int i = 0; i < 64; ++i)
            lanes.emplace_back([&] {
                start.arrive_and_wait();
                const auto renewed = made.cache.refresh_after_denial(denied);
                right +=
                    renewed.generation == denied + 1 && renewed.credentials->access_key_id == "ID2";
            });
    }
    EXPECT_EQ(right, 64);
    EXPECT_EQ(made.searches, 2);
}

TEST(CredentialsCache, SaysWithTheSameGenerationThatThereIsNothingNew) {
    Searched made;
    made.same = true;
    const std::uint64_t denied = made.cache.get().generation;
    for (int i = 0; i < 64; ++i)
        EXPECT_EQ(made.cache.refresh_after_denial(denied).generation, denied);
    EXPECT_EQ(made.searches, 2); // once for all
    made.seconds += 10;
    made.same = false;
    EXPECT_EQ(made.cache.refresh_after_denial(denied).generation, denied + 1);
}

TEST(CredentialsCache, TellsWhyADeniedOneCouldNotBeRenewed) {
    Searched made;
    const std::uint64_t denied = made.cache.get().generation;
    made.fails = true;
    for (int i = 0; i < 3; ++i)
        EXPECT_STREQ(error_of([&] { made.cache.refresh_after_denial(denied); }).what(), "search 2");
    EXPECT_EQ(made.get(), "ID1"); // others may still be served with them
}

TEST(CredentialsCache, ServesTheOldOnesWhileANewSearchIsOn) {
    Searched made;
    std::latch begun(1), go_on(1);
    std::atomic<int> searches = 0;
    CredentialsCache cache(
        [&] {
            Credentials found;
            found.access_key_id = "ID" + std::to_string(++searches);
            found.expires = made.now() + 3600s;
            if (searches == 2) {
                begun.count_down();
                go_on.wait();
            }
            return found;
        },
        [&] { return made.now(); });
    cache.get();
    made.seconds += 3400;
    std::jthread renewing([&] { EXPECT_EQ(cache.get().credentials->access_key_id, "ID2"); });
    begun.wait();
    EXPECT_EQ(cache.get().credentials->access_key_id, "ID1");
    EXPECT_EQ(cache.ready()->generation, 1u);
    go_on.count_down();
    renewing.join();
    EXPECT_EQ(cache.ready()->generation, 2u);
}

} // namespace
} // namespace tz
