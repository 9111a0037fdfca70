#include <tz/engine/delivery.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>

namespace tz {
namespace {

TEST(Delivery, HandsOverInOrderWhateverTheOrderOfCompletion) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::vector<std::size_t> order(20);
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), std::mt19937(seed));
        std::vector<std::size_t> seen;
        bool woken = false;
        Delivery delivery(
            20, [&](std::size_t item) { seen.push_back(item); }, [&] { woken = true; });
        for (const std::size_t item : order) {
            woken = false;
            delivery.complete(item);
            EXPECT_EQ(woken, item == seen.size()) << "wakes when there is something to deliver";
            if (woken)
                delivery.deliver();
        }
        std::vector<std::size_t> all(20);
        std::iota(all.begin(), all.end(), 0);
        EXPECT_EQ(seen, all) << "seed " << seed;
    }
}

TEST(Delivery, KnowsWhatIsCompleteThoughNobodyTakesIt) {
    Delivery delivery(4, {}, [] { FAIL() << "nobody to wake"; });
    delivery.complete(2);
    delivery.complete(0);
    delivery.deliver();
    EXPECT_EQ(delivery.complete_items(), (std::vector<std::size_t>{0, 2}));
}

TEST(Delivery, DoesNotHandOverTwiceAfterACallbackThrew) {
    std::vector<std::size_t> seen;
    Delivery delivery(
        3,
        [&](std::size_t item) {
            seen.push_back(item);
            if (item == 1)
                throw std::runtime_error("enough");
        },
        [] {});
    for (const std::size_t item : {0, 1, 2})
        delivery.complete(item);
    EXPECT_THROW(delivery.deliver(), std::runtime_error);
    delivery.deliver();
    EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1, 2}));
}

} // namespace
} // namespace tz
