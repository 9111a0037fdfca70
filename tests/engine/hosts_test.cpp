#include <tz/engine/crew.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/tests/support/memory_source.hpp>
#include <tz/tests/support/slow_source.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

class HostsTest : public testing::Test {
protected:
    static std::shared_ptr<test::SlowHost> host(const std::string& name) {
        auto host = std::make_shared<test::SlowHost>();
        host->name = name;
        return host;
    }

    static std::shared_ptr<test::SlowSource>
    object(const std::string& name, const std::shared_ptr<test::SlowHost>& host) {
        return std::make_shared<test::SlowSource>(name, host, std::vector<std::byte>(100));
    }

    static Loop::Setup setup() {
        Loop::Setup setup;
        setup.uring = false;
        return setup;
    }

    static awaitable<void> read_and_keep(Hosts& hosts, std::uint32_t source, Loop& loop) {
        auto reader = hosts.reader(source, loop);
        std::vector<std::byte> first(10);
        co_await reader->begin(first);
        hosts.keep(std::move(reader), source, loop);
    }

    static void run(Hosts& hosts, std::uint32_t source, Loop& loop) {
        Crew crew;
        std::vector<awaitable<void>> members;
        members.push_back(read_and_keep(hosts, source, loop));
        crew.start(loop, std::move(members));
        crew.wait(std::chrono::seconds(1), {});
    }

    Pools pools_{1, 1};
    Loop one_{setup(), pools_};
    Loop two_{setup(), pools_};
};

TEST_F(HostsTest, AreTheSameForSourcesThatSaySo) {
    const auto a = host("a");
    const auto file = std::make_shared<test::MemorySource>(std::vector<std::byte>(10));
    const std::vector<std::shared_ptr<const Source>> sources{
        object("a/1", a), file, object("b/1", host("b")), object("a/2", a), file};
    const Hosts hosts(sources);
    ASSERT_EQ(hosts.all().size(), 3u);
    EXPECT_EQ(hosts.all()[0]->sources, (std::vector<std::uint32_t>{0, 3}));
    EXPECT_EQ(hosts.all()[1]->sources, (std::vector<std::uint32_t>{1, 4}));
    EXPECT_EQ(&hosts.of(3), hosts.all()[0].get());
    EXPECT_EQ(&hosts.of(2), hosts.all()[2].get());
}

TEST_F(HostsTest, HandOnConnectionsWithinALoopAndCloseThemAtTheEnd) {
    const auto a = host("a");
    const auto b = host("b");
    const std::vector<std::shared_ptr<const Source>> sources{
        object("a/1", a), object("a/2", a), object("b/1", b)};
    {
        Hosts hosts(sources);
        run(hosts, 0, one_);
        run(hosts, 1, one_);
        EXPECT_EQ(a->connections.now(), 1) << "another object, the same connection";
        run(hosts, 2, one_);
        EXPECT_EQ(b->connections.now(), 1) << "another host";
        run(hosts, 0, two_);
        EXPECT_EQ(a->connections.now(), 2) << "another thread";
        LoadStats stats;
        hosts.add_to(stats);
        EXPECT_EQ(stats.connections, 3u);
        EXPECT_EQ(stats.requests, 4u);
        EXPECT_EQ(stats.read_bytes, 40u);
    }
    EXPECT_EQ(a->connections.now(), 0);
    EXPECT_EQ(b->connections.now(), 0);
}

TEST_F(HostsTest, OpenAConnectionWhereAReaderCantGoOnWithAnotherObject) {
    const auto a = host("a");
    a->one_object = true;
    const std::vector<std::shared_ptr<const Source>> sources{object("a/1", a), object("a/2", a)};
    Hosts hosts(sources);
    run(hosts, 0, one_);
    run(hosts, 1, one_);
    EXPECT_EQ(a->connections.now(), 2);
    run(hosts, 1, one_);
    EXPECT_EQ(a->connections.now(), 2);
}

} // namespace
} // namespace tz
