// The forms of co_await that this code base uses. g++ 12 destroys some temporaries of awaiting
// statements twice (docs/decisions.md, "Compilers"); each form here is proved right with a type
// that counts its objects.
#include <tz/tests/support/run.hpp>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

namespace tz {
namespace {

/// Knows all living objects: a second destruction or a copy of a dead one is counted.
struct Counted {
    explicit Counted(int v) : value(v) { alive.insert(this); }

    Counted(const Counted& other) : value(other.value) {
        wrong += alive.count(&other) == 0;
        alive.insert(this);
    }

    Counted& operator=(const Counted&) = default;

    ~Counted() { wrong += alive.erase(this) == 0; }

    int value;
    static inline std::set<const void*> alive;
    static inline int wrong = 0;
};

awaitable<void> hop() {
    co_await asio::post(use_awaitable);
}

awaitable<int> by_value(Counted c) {
    co_await hop();
    co_return c.value;
}

awaitable<int> by_reference(const Counted& c) {
    co_await hop();
    co_return c.value;
}

awaitable<Counted> make(int value) {
    co_await hop();
    co_return Counted(value);
}

awaitable<std::pair<Counted, Counted>> make_two() {
    co_await hop();
    co_return std::pair<Counted, Counted>(1, 2);
}

template <typename Job>
awaitable<int> call(Job job) {
    co_await hop();
    co_return job();
}

awaitable<void> temporaries_of_classes() {
    EXPECT_EQ(co_await by_value(Counted(1)), 1);
    EXPECT_EQ(co_await by_reference(Counted(2)), 2);
}

awaitable<void> named_lambda_moved() {
    const Counted seven(7);
    auto job = [seven] { return seven.value; };
    EXPECT_EQ(co_await call(std::move(job)), 7);
}

awaitable<void> structured_binding() {
    auto [a, b] = co_await make_two();
    EXPECT_EQ(a.value + b.value, 3);
}

awaitable<void> assignment_to_a_member() {
    Counted c(0);
    c = co_await make(4);
    EXPECT_EQ(c.value, 4);
}

awaitable<void> conditions() {
    int n = 0;
    while (co_await by_value(Counted(n)) < 3)
        ++n;
    if (co_await by_value(Counted(n)) == 3)
        co_return;
    ADD_FAILURE();
}

TEST(Compiler, DestroysWhatAwaitingStatementsHoldOnce) {
    asio::io_context context;
    test::run(context, temporaries_of_classes());
    test::run(context, named_lambda_moved());
    test::run(context, structured_binding());
    test::run(context, assignment_to_a_member());
    test::run(context, conditions());
    EXPECT_EQ(Counted::wrong, 0);
    EXPECT_TRUE(Counted::alive.empty());
}

} // namespace
} // namespace tz
