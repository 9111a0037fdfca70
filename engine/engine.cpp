#include <tz/engine/engine.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/ring.hpp>
#include <tz/format/error.hpp>

#include <algorithm>

namespace tz {

namespace {

// Threads that block in reads: more never raised the rate of a disk, and each costs a stack.
constexpr unsigned readers_max = 32;

// More than this brings nothing: loops only hand on, and leave cores to the workers.
constexpr unsigned loops_unasked_max = 4;

void start_loop(Engine::State& state, bool uring) {
    Loop::Setup setup;
    setup.uring = uring;
    setup.lanes = state.geometry.buffers; // whatever a load makes of them
    setup.arena = state.arena.get();
    state.loops.push_back(std::make_unique<Loop>(setup, *state.pools));
}

void start_loops(Engine::State& state, bool uring) {
    state.loops.clear();
    for (unsigned i = 0; i < state.geometry.loops; ++i)
        start_loop(state, uring);
    state.io = uring ? "uring" : "threads";
}

[[noreturn]] void refuse(const std::string& reason) {
    throw Error(
        errc::io,
        "io_uring is demanded but not to be had: " + reason,
        {},
        "use --io auto or --io threads");
}

} // namespace

void Engine::State::want_loops(unsigned count) {
    if (asked.loops != 0)
        return;
    count = std::min({count, loops_unasked_max, std::max(1u, cores_available() / 2)});
    while (loops.size() < count)
        start_loop(*this, false); // files stay with the first one
}

double Engine::State::loop_cpu_seconds() const {
    double seconds = 0;
    for (const auto& loop : loops)
        seconds += loop->cpu_seconds();
    return seconds;
}

Engine::Engine(EngineOptions options) : state_(std::make_unique<State>()) {
    State& state = *state_;
    state.geometry = choose_geometry(options);
    state.asked = options;
    if (options.workers == 0)
        options.workers = cores_available();
    options.workers = std::min(options.workers, workers_max); // of the cores
    options.concurrency = state.geometry.lanes;
    options.chunk_bytes = state.geometry.chunk_bytes;
    options.loops = state.geometry.loops;
    state.options = std::move(options);
    state.pools = std::make_unique<Pools>(
        state.options.workers, std::min(state.geometry.lanes, readers_max), state.options.log);

    state.arena = std::make_unique<Arena>(state.geometry.buffers, state.geometry.buffer_bytes);

    bool uring = state.options.io != Io::threads;
    if (uring) {
        const RingFacts facts = ring_facts();
        uring = facts.usable;
        state.io_reason = facts.reason;
    } else {
        state.io_reason = "threads were asked for";
    }
    try {
        start_loops(state, uring);
    } catch (const boost::system::system_error& error) { // a ring of the full size was refused
        if (!uring)
            throw;
        state.io_reason = error.what();
        start_loops(state, false);
    }
    state.pools->log(
        LogLevel::debug,
        "engine: " + state.io + ", " + std::to_string(state.geometry.loops) + " loops, " +
            std::to_string(state.geometry.lanes) + " lanes of " +
            std::to_string(state.geometry.chunk_bytes) + " bytes, " +
            std::to_string(state.options.workers) + " workers");
    if (state.io == "uring")
        return;
    if (state.options.io == Io::uring)
        refuse(state.io_reason);
    if (state.options.io == Io::automatic)
        state.pools->log(LogLevel::warning, "files are read by threads: " + state.io_reason);
}

Engine::~Engine() = default;

const EngineOptions& Engine::options() const {
    return state_->options;
}

std::string Engine::io() const {
    return state_->io;
}

std::string Engine::io_reason() const {
    return state_->io_reason;
}

} // namespace tz
