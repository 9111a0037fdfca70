// n-th failure loops: of allocations, reads, writes, sockets, threads, descriptors and CUDA.
#include "attempt.hpp"
#include "device.hpp"
#include "scenarios.hpp"
#include "soak.hpp"
#include "watchdog.hpp"
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/few_descriptors.hpp>
#include <tz/tests/support/held.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace tz::soak {

namespace {

using namespace std::chrono_literals;
using Kind = Scenario::Kind;

constexpr std::chrono::milliseconds usual_limit{30'000};
constexpr std::uint64_t failures_max = 10'000; // a loop that does not end is a fault of its own

struct CallLoop {
    Call call;
    int error;
    std::set<errc> errors;
};

/// Of making and changing a file. A conversion knows its size before and takes the room; by a ring
/// it writes otherwise (ring_writes_of()).
std::vector<Call> file_calls_of(const Scenario& scenario) {
    std::vector<Call> calls{Call::sync, Call::rename};
    if (scenario.kind == Kind::convert)
        calls.insert(calls.end(), {Call::cut, Call::room});
    if (!scenario.by_ring)
        calls.push_back(Call::write);
    return calls;
}

std::vector<CallLoop> calls_of(const Scenario& scenario) {
    const Kind kind = scenario.kind;
    const bool of_servers = kind == Kind::server || kind == Kind::upload;
    std::vector<CallLoop> calls;
    if (kind != Kind::save) {
        calls.push_back({Call::thread, EAGAIN, {errc::limit}});
        calls.push_back({Call::map, ENOMEM, {errc::limit}});
    }
    if (of_servers || scenario.by_ring) // of its own descriptors Asio doesn't look
        for (const int error : {ENOMEM, ENOSPC})
            calls.push_back({Call::poll, error, {errc::limit, errc::io, errc::transport}});
    if (kind == Kind::save || kind == Kind::convert)
        for (const int error : {EIO, ENOSPC})
            for (const Call call : file_calls_of(scenario))
                calls.push_back({call, error, {error == EIO ? errc::io : errc::limit}});
    if (of_servers)
        calls.insert(
            calls.end(),
            {{Call::socket, EMFILE, {errc::transport, errc::limit, errc::io}},
             {Call::connect, ECONNREFUSED, {errc::transport}},
             {Call::connect, ENETUNREACH, {errc::transport}},
             {Call::receive, ECONNRESET, {errc::transport}},
             {Call::receive, EINTR, {errc::transport}},
             {Call::send, EPIPE, {errc::transport}},
             {Call::send, ECONNRESET, {errc::transport}}});
    return calls;
}

FailureLoop allocations_of(const Scenario& scenario) {
    const auto run = [scenario](std::uint64_t nth, Outcome& outcome) {
        bool met = false;
        note_errors(outcome, [&] {
            const FailingAllocation failing(nth);
            try {
                scenario.run(outcome.wrong);
            } catch (...) {
                met = true;
                throw;
            }
            met = failing.met();
        });
        return met;
    };
    return {"allocation: " + scenario.name, run, {errc::limit}};
}

FailureLoop calls_of(const Scenario& scenario, const CallLoop& failing_call) {
    const auto run = [scenario, failing_call](std::uint64_t nth, Outcome& outcome) {
        const FailingCalls failing({{failing_call.call, nth, failing_call.error}});
        note_errors(outcome, [&] { scenario.run(outcome.wrong); });
        return failing.met() > 0;
    };
    const std::string name = std::string(name_of(failing_call.call)) + " (" +
                             std::to_string(failing_call.error) + "): " + scenario.name;
    const bool needs_ring = scenario.by_ring && failing_call.call == Call::poll;
    return {name, run, failing_call.errors, needs_ring};
}

FailureLoop reads_of(const Scenario& scenario) {
    const auto run = [scenario](std::uint64_t nth, Outcome& outcome) {
        test::Faults faults;
        faults.read = [nth](const test::ReadCall& call) {
            return test::ReadFate{call.number == nth ? EIO : 0};
        };
        const test::FaultyKernel kernel(std::move(faults));
        note_errors(outcome, [&] { scenario.run(outcome.wrong); });
        return kernel.reads() > nth;
    };
    return {"read: " + scenario.name, run, {errc::io}};
}

FailureLoop ring_writes_of(const Scenario& scenario, int error, errc kind) {
    const auto run = [scenario, error](std::uint64_t nth, Outcome& outcome) {
        test::Faults faults;
        faults.ring_write = [nth, error](std::uint64_t number) {
            return number == nth ? error : 0;
        };
        const test::FaultyKernel kernel(std::move(faults));
        note_errors(outcome, [&] { scenario.run(outcome.wrong); });
        return kernel.ring_writes() > nth;
    };
    return {"ring write (" + std::to_string(error) + "): " + scenario.name, run, {kind}, true};
}

FailureLoop descriptors_of(const Scenario& scenario) {
    const auto run = [scenario](std::uint64_t nth, Outcome& outcome) {
        const test::FewDescriptors few(nth);
        note_errors(outcome, [&] { scenario.run(outcome.wrong); });
        return outcome.error.has_value() || !outcome.untyped.empty() || nth < 12;
    };
    return {"descriptors: " + scenario.name, run, {errc::io, errc::limit, errc::transport}};
}

FailureLoop device_calls_of(std::string_view call, const Material& material) {
    const auto run = [call, &material](std::uint64_t nth, Outcome& outcome) {
        return load_with_failing_device(call, static_cast<unsigned>(nth + 1), material, outcome);
    };
    return {"device: " + std::string(call), run, {errc::device, errc::limit}};
}

/// Says what is there after a failure, too: the old file or the new one, whole, and nothing else.
/// Every other time there is no old one.
void look_at_file(FailureLoop& loop, const std::string& path, const Material& material) {
    loop.run = [run = loop.run, path, &material](std::uint64_t nth, Outcome& outcome) {
        if (nth % 2 == 0)
            std::filesystem::remove(path);
        const bool old = std::filesystem::exists(path);
        const bool met = run(nth, outcome);
        const bool failed = outcome.error || !outcome.untyped.empty();
        if (std::filesystem::exists(path))
            outcome.wrong += file_difference(path, 0, material);
        else if (old || !failed)
            outcome.wrong += "there is no file; ";
        outcome.left += others_beside(path);
        return met;
    };
}

/// Blocks that the texts of an outcome take.
std::int64_t blocks_of(const Outcome& outcome) {
    std::int64_t blocks = 0;
    for (const std::string* text : {&outcome.what, &outcome.untyped, &outcome.wrong, &outcome.left})
        blocks += text->capacity() > std::string().capacity();
    return blocks;
}

/// One run; `leaked` says how many blocks more there are than before.
Outcome run_once(const FailureLoop& loop, std::uint64_t nth, bool& met, std::int64_t& leaked) {
    const test::Held before = test::held();
    const std::int64_t blocks = live_blocks();
    const auto start = std::chrono::steady_clock::now();
    Outcome outcome;
    met = loop.run(nth, outcome);
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    const test::Held after = test::held_soon(before);
    leaked = live_blocks() - blocks - blocks_of(outcome);
    if (after != before) {
        std::ostringstream text;
        text << after << " are held, and were " << before;
        outcome.left = text.str();
    }
    return outcome;
}

/// What is made once for the process is no leak: the second time shows.
Outcome run_twice_if_it_leaks(const FailureLoop& loop, std::uint64_t nth, bool& met) {
    std::int64_t leaked = 0;
    Outcome outcome = run_once(loop, nth, met, leaked);
    for (int again = 0; again < 3 && leaked > 0; ++again) {
        bool met_again = false;
        const Outcome second = run_once(loop, nth, met_again, leaked);
    }
    if (leaked > 0)
        outcome.left += std::to_string(leaked) + " blocks of memory";
    return outcome;
}

} // namespace

std::vector<FailureLoop> failure_loops(const Material& material, const std::string& url) {
    std::vector<FailureLoop> loops;
    for (const Scenario& scenario : scenarios(material, url)) {
        const std::size_t before = loops.size();
        loops.push_back(allocations_of(scenario));
        if (scenario.kind == Kind::file || scenario.kind == Kind::convert)
            loops.push_back(reads_of(scenario));
        for (const CallLoop& call : calls_of(scenario))
            loops.push_back(calls_of(scenario, call));
        if (scenario.kind == Kind::convert && scenario.by_ring) {
            loops.push_back(ring_writes_of(scenario, EIO, errc::io));
            loops.push_back(ring_writes_of(scenario, ENOSPC, errc::limit));
        }
        loops.push_back(descriptors_of(scenario));
        for (std::size_t i = before; i < loops.size() && !scenario.written.empty(); ++i)
            look_at_file(loops[i], scenario.written, material);
    }
    for (const std::string_view call : device_calls_that_fail())
        loops.push_back(device_calls_of(call, material));
    return loops;
}

namespace {

/// Until one gets through; or the `nth` alone.
void run_loop(const FailureLoop& loop, std::optional<std::uint64_t> nth, Report& report) {
    Tally& tally = report.tally(loop.name);
    bool met = true;
    for (std::uint64_t i = nth.value_or(0); met && i <= nth.value_or(failures_max); ++i) {
        const std::string replay =
            "tz_soak failures --only '" + loop.name + "' --nth " + std::to_string(i);
        begin_run(replay);
        const Outcome outcome = run_twice_if_it_leaks(loop, i, met);
        tally.met += met;
        const Expectation expected{true, met ? loop.errors : std::set<errc>()};
        report.add(tally, judge(expected, outcome, usual_limit), outcome, replay, loop.name);
        if (i == failures_max)
            report.add_break(loop.name + " goes on failing");
    }
    if (tally.met == 0 && !nth && !loop.needs_ring)
        report.add_break(loop.name + ": nothing failed, so nothing was shown");
    end_run();
}

void print_progress(
    std::size_t done,
    std::size_t all,
    const std::string& name,
    std::chrono::steady_clock::duration took) {
    std::fprintf(
        stderr,
        "[%zu/%zu] %s: %.1f s\n",
        done,
        all,
        name.c_str(),
        std::chrono::duration<double>(took).count());
}

} // namespace

void run_failures(
    const std::vector<FailureLoop>& loops,
    const std::string& only,
    std::optional<std::uint64_t> nth,
    Report& report) {
    std::vector<const FailureLoop*> chosen;
    for (const FailureLoop& loop : loops)
        if (loop.name.find(only) != std::string::npos)
            chosen.push_back(&loop);
    if (chosen.empty())
        throw std::runtime_error("no loop of failures has '" + only + "' in its name");
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto start = std::chrono::steady_clock::now();
        run_loop(*chosen[i], nth, report);
        if (chosen.size() > 1)
            print_progress(
                i + 1, chosen.size(), chosen[i]->name, std::chrono::steady_clock::now() - start);
    }
}

} // namespace tz::soak
