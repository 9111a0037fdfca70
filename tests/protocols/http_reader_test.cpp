// What a reader of an object promises to those who have it, whatever a load asks of it.
#include "http_load.hpp"
#include <tz/engine/crew.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/reader.hpp>
#include <tz/protocols/http_source.hpp>
#include <tz/tests/support/memory_source.hpp>

#include <functional>

namespace tz {
namespace {

using namespace std::chrono_literals;
using test::HttpServer;

class HttpReader : public test::HttpLoad {
protected:
    HttpReader() { server_.put("/m", test::held_object(bytes_)); }

    static Loop::Setup setup() {
        Loop::Setup setup;
        setup.uring = false;
        return setup;
    }

    using Use = std::function<awaitable<void>(Reader&)>;

    awaitable<void> with_reader(const Source& source, const Use& use) {
        const auto reader = source.reader(loop_, counters_);
        co_await use(*reader);
    }

    /// On the loop's thread. Throws what `use` throws.
    void run(const Source& source, const Use& use) {
        Crew crew;
        std::vector<awaitable<void>> members;
        members.push_back(with_reader(source, use));
        crew.start(loop_, std::move(members));
        crew.wait(1s, {});
    }

    HttpServer server_;
    std::vector<std::byte> bytes_ = test::random_bytes(10'000);
    ReadCounters counters_;
    Pools pools_{1, 1};
    Loop loop_{setup(), pools_};
};

awaitable<void> read(Reader& reader, std::uint64_t offset, std::span<std::byte> to) {
    const Buffer buffer{to, -1, false};
    const std::span<const Buffer> buffers(&buffer, 1);
    co_await reader.read(Route::buffered, offset, buffers, to.size());
}

TEST_F(HttpReader, GoesOnWithObjectsOfItsConnectionsOnly) {
    const auto object = open(server_.url("/m"));
    const auto neighbour = open(server_.url("/n"));
    network_.transport.stall_time *= 2; // with settings of its own
    const auto other = open(server_.url("/m"));
    const test::MemorySource file({});
    ASSERT_EQ(object->host(), other->host());
    run(*object, [&](Reader& reader) -> awaitable<void> {
        EXPECT_TRUE(reader.retarget(*neighbour));
        EXPECT_FALSE(reader.retarget(*other));
        EXPECT_FALSE(reader.retarget(file));
        EXPECT_TRUE(reader.retarget(*object));
        co_return;
    });
}

TEST_F(HttpReader, SaysThatTheObjectEndsBeforeWhatIsNeeded) {
    const auto object = open(server_.url("/m"));
    std::vector<std::byte> part(100);
    const auto error = test::error_of([&] {
        run(*object, [&](Reader& reader) -> awaitable<void> {
            co_await reader.begin(part);
            co_await read(reader, bytes_.size() - 99, part);
        });
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed) << error->what();
    EXPECT_EQ(error->offset(), bytes_.size());
    EXPECT_TRUE(std::equal(part.begin(), part.end() - 1, bytes_.end() - 99)) << "but for the last";
}

TEST_F(HttpReader, TakesNoAnswerOfAnotherVersionThanTheFirstOne) {
    const auto object = open(server_.url("/m"));
    const auto& source = dynamic_cast<const HttpSource&>(*object);
    const Identity first{.etag = "\"1\"", .strong = true, .bytes = 10};
    Identity second = first;
    second.etag = "\"2\"";
    source.learn(first);
    EXPECT_NO_THROW(source.learn(first));
    // as two readers may learn that begin at the same time
    const auto error = test::error_of([&] { source.learn(second); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
    EXPECT_NE(std::string(error->what()).find("its ETag changed"), std::string::npos);
    EXPECT_EQ(*source.identity(), first);
}

} // namespace
} // namespace tz
