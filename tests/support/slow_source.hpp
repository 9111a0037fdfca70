// A Source over bytes in memory that behaves like an object on a server: its size comes with the
// first answer, each answer takes a flight, and so does opening a connection.
#pragma once

#include <tz/engine/loop.hpp>
#include <tz/engine/pace.hpp>
#include <tz/engine/reader.hpp>
#include <tz/format/error.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tz::test {

/// How many there are, and the most there ever were.
class Count {
public:
    void add() {
        const int now = ++now_;
        int most = most_;
        while (now > most && !most_.compare_exchange_weak(most, now)) {
        }
    }

    void remove() { --now_; }

    int now() const { return now_; }

    int most() const { return most_; }

private:
    std::atomic<int> now_ = 0;
    std::atomic<int> most_ = 0;
};

/// The server. Set up before loads, then read only, but for the counts.
struct SlowHost {
    std::string name = "server";
    std::chrono::microseconds flight{0};
    std::chrono::nanoseconds each_byte{0}; ///< of one connection
    Preference preference = remote_preference;
    std::function<std::unique_ptr<Pacer>(unsigned lanes, unsigned lanes_max)> pacer;
    std::function<void(std::uint64_t request)> before_answer; ///< on a loop; may throw
    bool one_object = false; ///< a connection serves one object only

    Count connections;
    Count answers; ///< under way
    std::atomic<std::uint64_t> requests = 0;
};

class SlowSource final : public Source {
public:
    SlowSource(std::string name, std::shared_ptr<SlowHost> host, std::vector<std::byte> bytes)
        : Source(std::move(name)),
          content(std::move(bytes)),
          host_(std::move(host)) {}

    std::vector<std::byte> content; ///< changes between answers only

    std::string host() const override { return host_->name; }

    Preference preference() const override { return host_->preference; }

    std::unique_ptr<Pacer> pacer(unsigned lanes, unsigned lanes_max) const override {
        return host_->pacer ? host_->pacer(lanes, lanes_max) : nullptr;
    }

    std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const override {
        return std::make_unique<SlowReader>(*this, loop, counters);
    }

private:
    class SlowReader final : public Reader {
    public:
        SlowReader(const SlowSource& source, Loop& loop, ReadCounters& counters)
            : source_(&source),
              host_(*source.host_),
              loop_(loop),
              counters_(counters),
              timer_(loop.context()) {}

        ~SlowReader() override {
            if (connected_)
                host_.connections.remove();
        }

        Route route(std::uint64_t, std::size_t) override { return Route::buffered; }

        bool retarget(const Source& source) override {
            if (host_.one_object)
                return false;
            source_ = &static_cast<const SlowSource&>(source);
            return true;
        }

        awaitable<std::size_t> begin(std::span<std::byte> first) override {
            const std::size_t bytes = std::min(first.size(), source_->content.size());
            co_await ask(bytes);
            std::copy_n(source_->content.begin(), bytes, first.begin());
            counters_.bytes += bytes;
            source_->learn_bytes(source_->content.size());
            co_return bytes;
        }

        awaitable<void>
        read(Route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) override {
            co_await touch_fresh(loop_, to, counters_);
            co_await ask(need);
            std::uint64_t at = offset;
            for (const Buffer& buffer : to) {
                const auto from =
                    std::span(source_->content).subspan(std::min(at, source_->bytes()));
                const std::size_t size = std::min(from.size(), buffer.bytes.size());
                std::copy_n(from.begin(), size, buffer.bytes.begin());
                at += size;
            }
            if (at < offset + need)
                throw Error(errc::object_changed, "the source ends", at);
            counters_.bytes += need;
        }

    private:
        struct Answer {
            explicit Answer(Count& its_count) : count(its_count) { count.add(); }

            ~Answer() { count.remove(); }

            Answer(const Answer&) = delete;
            Answer& operator=(const Answer&) = delete;

            Count& count;
        };

        awaitable<void> wait(std::chrono::nanoseconds time) {
            timer_.expires_after(time);
            co_await timer_.async_wait(use_awaitable);
        }

        /// Waits as long as a server would take to answer with `bytes`.
        awaitable<void> ask(std::size_t bytes) {
            if (!connected_) {
                connected_ = true;
                host_.connections.add();
                ++counters_.connections;
                co_await wait(host_.flight);
            }
            ++counters_.requests;
            const std::uint64_t number = host_.requests++;
            const Answer answer(host_.answers);
            co_await wait(host_.flight + host_.each_byte * bytes);
            if (host_.before_answer)
                host_.before_answer(number);
        }

        const SlowSource* source_;
        SlowHost& host_;
        Loop& loop_;
        ReadCounters& counters_;
        asio::steady_timer timer_;
        bool connected_ = false;
    };

    std::shared_ptr<SlowHost> host_;
};

} // namespace tz::test
