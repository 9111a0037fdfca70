// Loads that are stopped at a moment drawn by lot; by a stop token, or by a cancellation signal
// whose engine is destroyed at once.
#include "attempt.hpp"
#include "soak.hpp"
#include "watchdog.hpp"
#include <tz/engine/async.hpp>
#include <tz/engine/async_load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/http_server.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <optional>
#include <random>
#include <sstream>
#include <thread>

namespace tz::soak {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds usual_limit{1000};

/// A load without faults, and when it is stopped.
struct Cancel {
    Plan plan;
    microseconds after{0};
    bool asynchronous = false;
    asio::cancellation_type type = asio::cancellation_type::terminal;
};

Cancel draw_cancel(std::uint64_t seed, std::uint64_t number) {
    std::mt19937_64 lots(seed * 0x9e3779b97f4a7c15 + number);
    Cancel cancel;
    cancel.plan = draw_plan(seed, number, {Road::file, Road::http, Road::s3});
    cancel.plan.reads.clear();
    cancel.plan.change = Change::none;
    cancel.plan.device_fault.reset();
    cancel.plan.deadline.reset();
    cancel.plan.quick_timeouts = false;
    if (cancel.plan.place != Place::none && cancel.plan.place != Place::mapped)
        cancel.plan.place = Place::owned;
    cancel.after = microseconds(lots() % 12'000);
    cancel.asynchronous = lots() % 2 == 0;
    constexpr asio::cancellation_type types[] = {
        asio::cancellation_type::terminal,
        asio::cancellation_type::partial,
        asio::cancellation_type::total};
    cancel.type = types[lots() % 3];
    return cancel;
}

LoadOptions options_of(const Plan& plan, const Material& material, std::stop_token stop) {
    Stopper never({});
    LoadOptions options = load_options(plan, material, never);
    options.stop = std::move(stop);
    if (plan.place == Place::mapped)
        options.memory = Memory::mapped;
    if (plan.place == Place::none)
        options.memory = Memory::none;
    return options;
}

void compare(const Loaded& loaded, const Plan& plan, const Material& material, Outcome& outcome) {
    if (plan.place != Place::none)
        outcome.wrong += material.difference(loaded.layout, loaded.tensors, plan.shape);
}

Outcome stop_blocking(
    const Cancel& cancel, const std::shared_ptr<Source>& source, const Material& material) {
    Outcome outcome;
    std::stop_source stop;
    std::atomic<Clock::time_point> stopped = Clock::time_point::max();
    std::thread stopper([&] {
        std::this_thread::sleep_for(cancel.after);
        stopped = Clock::now();
        stop.request_stop();
    });
    note_errors(outcome, [&] {
        Engine engine(engine_options(cancel.plan));
        const LoadOptions options = options_of(cancel.plan, material, stop.get_token());
        compare(load(engine, source, options), cancel.plan, material, outcome);
    });
    const auto end = Clock::now();
    stopper.join();
    if (end > stopped.load())
        outcome.took = duration_cast<milliseconds>(end - stopped.load());
    return outcome;
}

Outcome stop_asynchronous(
    const Cancel& cancel, const std::shared_ptr<Source>& source, const Material& material) {
    Outcome outcome;
    asio::io_context context;
    asio::cancellation_signal signal;
    int completed = 0;
    const auto handler = [&](std::exception_ptr failure, Loaded loaded) {
        ++completed;
        note_errors(outcome, [&] {
            if (failure)
                std::rethrow_exception(failure);
            compare(loaded, cancel.plan, material, outcome);
        });
    };
    std::optional<Engine> engine(std::in_place, engine_options(cancel.plan));
    async_load(
        *engine,
        source,
        options_of(cancel.plan, material, {}),
        asio::bind_executor(context, asio::bind_cancellation_slot(signal.slot(), handler)));
    context.run_for(cancel.after);
    const auto stopped = Clock::now();
    const bool runs = completed == 0;
    if (runs)
        signal.emit(cancel.type);
    engine.reset(); // at once: the handler has not been called
    if (runs)
        outcome.took = duration_cast<milliseconds>(Clock::now() - stopped);
    context.restart();
    context.run();
    if (completed != 1)
        outcome.wrong += "the handler was called " + std::to_string(completed) + " times";
    return outcome;
}

/// Takes long enough for a moment within it to be met.
test::Faults slow_reads(std::uint64_t seed) {
    test::Faults faults;
    faults.read = [seed](const test::ReadCall& call) {
        std::this_thread::sleep_for(microseconds((seed + call.number * 7) % 1500));
        return test::ReadFate{};
    };
    return faults;
}

Outcome
cancel_once(const Cancel& cancel, const Material& material, const test::HttpServer& server) {
    const Plan& plan = cancel.plan;
    const std::string name =
        std::to_string(static_cast<int>(plan.content)) + "-" + std::to_string(plan.shape);
    std::optional<test::FaultyKernel> kernel;
    std::shared_ptr<Source> source;
    if (plan.road == Road::file) {
        kernel.emplace(slow_reads(plan.number));
        source = open_file(material.path(plan.content, plan.shape), plan.direct);
    } else {
        const bool s3 = plan.road == Road::s3;
        source = open(
            s3 ? "s3://b/" + name : server.url("/b/" + name),
            network_options(plan, server.url("", "")));
    }
    return cancel.asynchronous ? stop_asynchronous(cancel, source, material)
                               : stop_blocking(cancel, source, material);
}

std::string to_string(const Cancel& cancel) {
    return std::string(cancel.asynchronous ? "signal " : "token ") +
           std::to_string(static_cast<int>(cancel.type)) + " after " +
           std::to_string(cancel.after.count()) + " us: " + to_string(cancel.plan);
}

void put_all(test::HttpServer& server, const Material& material) {
    for (std::size_t content = 0; content < contents; ++content)
        for (std::size_t shape = 0; shape < shapes; ++shape)
            server.put(
                "/b/" + std::to_string(content) + "-" + std::to_string(shape),
                material.object(static_cast<Content>(content), shape));
}

} // namespace

void run_cancels(const Slice& slice, const Material& material, Report& report) {
    const test::Held before = test::held();
    {
        test::HttpServerOptions options;
        options.delay = 1ms;
        test::HttpServer server(std::move(options));
        put_all(server, material);
        Tally& tally = report.tally("cancels");
        for (std::uint64_t i = slice.first; i < slice.first + slice.count; ++i) {
            const Cancel cancel = draw_cancel(slice.seed, i);
            const std::string description = to_string(cancel);
            const std::string replay = "tz_soak cancels --seed " + std::to_string(slice.seed) +
                                       " --only " + std::to_string(i);
            begin_run(replay + ": " + description);
            const Outcome outcome = cancel_once(cancel, material, server);
            const Judgement judgement =
                judge({true, {errc::cancelled}}, outcome, slice.within.value_or(usual_limit));
            report.add(tally, judgement, outcome, replay, description);
        }
    }
    end_run();
    const test::Held after = test::held_soon(before);
    if (after != before) {
        std::ostringstream text;
        text << "cancels left something: " << after << " are held, and were " << before;
        report.add_break(text.str());
    }
}

} // namespace tz::soak
