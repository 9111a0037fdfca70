#include "attempt.hpp"

#include "device.hpp"
#include <tz/protocols/file.hpp>
#include <tz/protocols/open.hpp>
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/held.hpp>
#include <tz/tests/support/http_server.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace tz::soak {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// Of a file that is changed: its own copy, last written long ago, so that any change shows.
void make_copy(const Plan& plan, const Material& material, const std::string& path) {
    auto bytes = test::read_file(material.path(plan.content, plan.shape));
    if (plan.change == Change::damaged)
        bytes[plan.change_at % bytes.size()] ^= std::byte(1 << plan.change_at % 8);
    else if (plan.change == Change::cut)
        bytes.resize(plan.change_at % (bytes.size() - 8));
    test::write_file(path, bytes);
    fs::last_write_time(path, fs::file_time_type::clock::now() - 240h);
}

void change_now(const Plan& plan, const std::string& path) {
    if (plan.change == Change::cut_during) {
        fs::resize_file(path, fs::file_size(path) / 2);
    } else if (plan.change == Change::removed_during) {
        fs::remove(path);
    } else {
        auto bytes = test::read_file(path);
        for (std::byte& byte : bytes)
            byte = ~byte;
        if (plan.change == Change::replaced_during) {
            test::write_file(path + ".new", bytes);
            fs::rename(path + ".new", path);
        } else { // where it is: no truncation in between
            std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
            file.write(
                reinterpret_cast<const char*>(bytes.data()),
                static_cast<std::streamsize>(bytes.size()));
        }
    }
}

test::Faults file_faults(const Plan& plan, Stopper& stopper, const std::string& path) {
    test::Faults faults;
    faults.cache = static_cast<test::Cache>(plan.cache);
    faults.read = [&plan, &stopper, path](const test::ReadCall& call) {
        stopper.step();
        if (plan.change >= Change::cut_during && call.number == plan.change_at)
            change_now(plan, path);
        for (const ReadFault& fault : plan.reads)
            if (call.number >= fault.first && call.number <= fault.last)
                return test::ReadFate{fault.error, fault.bytes_max};
        return test::ReadFate{};
    };
    return faults;
}

void load_file(const Plan& plan, const Material& material, Outcome& outcome) {
    std::string path = material.path(plan.content, plan.shape);
    if (plan.change != Change::none) {
        path = material.place("copy");
        make_copy(plan, material, path);
    }
    Stopper stopper(plan.cancel_at);
    const test::FaultyKernel kernel(file_faults(plan, stopper, path));
    note_errors(outcome, [&] {
        Engine engine(engine_options(plan));
        load_and_compare(engine, open_file(path, plan.direct), plan, material, stopper, outcome);
    });
    fs::remove(material.place("copy"));
}

void load_remote(const Plan& plan, const Material& material, Outcome& outcome) {
    Stopper stopper(plan.cancel_at);
    test::HttpServerOptions options;
    options.rules = plan.network.rules;
    options.connection_rules = plan.network.connection_rules;
    options.answer = [&stopper](const test::Request&) {
        stopper.step();
        return std::optional<test::Page>();
    };
    test::HttpServer server(std::move(options));
    const bool s3 = plan.road == Road::s3;
    server.put(s3 ? "/b/m" : "/m", material.object(plan.content, plan.shape));
    const NetworkOptions network = network_options(plan, server.url("", ""));
    note_errors(outcome, [&] {
        Engine engine(engine_options(plan));
        const auto source = open(s3 ? "s3://b/m" : server.url("/m"), network);
        load_and_compare(engine, source, plan, material, stopper, outcome);
    });
}

} // namespace

EngineOptions engine_options(const Plan& plan) {
    EngineOptions options;
    options.io = plan.io;
    options.loops = plan.loops;
    options.workers = plan.workers;
    options.concurrency = plan.concurrency;
    options.chunk_bytes = plan.chunk_bytes;
    return options;
}

NetworkOptions network_options(const Plan& plan, const std::string& endpoint) {
    NetworkOptions network;
    // Long ones where nothing hangs, so that a busy machine is not taken for a server that does.
    const milliseconds patience = plan.quick_timeouts ? 100ms : 25s;
    network.transport.connect_timeout = plan.quick_timeouts ? 1s : 25s;
    network.transport.first_byte_timeout = patience;
    network.transport.stall_time = patience;
    network.transport.proxy = "";
    network.retry.tries_max = 5;
    network.retry.delay_min = 1ms;
    network.retry.delay_max = 5ms;
    network.retry.budget = 10'000;
    network.hedge = plan.hedge;
    network.s3.endpoint_url = endpoint;
    network.s3.access_key_id = "AKIDEXAMPLE";
    network.s3.secret_access_key = test::secret("no secret");
    return network;
}

LoadOptions load_options(const Plan& plan, const Material& material, Stopper& stopper) {
    LoadOptions options;
    options.verify = plan.verify;
    options.digests = plan.digests;
    options.stop = stopper.token();
    options.deadline = plan.deadline;
    if (is_sealed(plan.content))
        options.key = material.key();
    return options;
}

Outcome attempt(const Plan& plan, const Material& material) {
    Outcome outcome;
    const test::Held before = test::held();
    const auto start = std::chrono::steady_clock::now();
    if (plan.road == Road::file)
        load_file(plan, material, outcome);
    else if (plan.road == Road::save)
        save_and_compare(plan, material, outcome);
    else
        load_remote(plan, material, outcome);
    outcome.took = duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
    const test::Held after = test::held_soon(before);
    if (after != before) {
        std::ostringstream text;
        text << after << " are held, and were " << before;
        outcome.left = text.str();
    }
    return outcome;
}

} // namespace tz::soak
