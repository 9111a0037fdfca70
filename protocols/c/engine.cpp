#include <tz/protocols/c/handles.hpp>

#include <utility>

using namespace tz;
using namespace tz::c;

namespace {

Io io_of(int io) {
    switch (io) {
    case TZ_IO_AUTOMATIC:
        return Io::automatic;
    case TZ_IO_URING:
        return Io::uring;
    case TZ_IO_THREADS:
        return Io::threads;
    default:
        throw Error(errc::usage, "no tz_io is " + std::to_string(io));
    }
}

tz_log_level level_of(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return TZ_LOG_DEBUG;
    case LogLevel::info:
        return TZ_LOG_INFO;
    case LogLevel::warning:
        break;
    }
    return TZ_LOG_WARNING;
}

} // namespace

tz_engine_options* tz_engine_options_create() {
    return create<tz_engine_options>();
}

void tz_engine_options_destroy(tz_engine_options* options) {
    delete options;
}

void tz_engine_options_set_io(tz_engine_options* options, int io) {
    set(options, [&] { options->options.io = io_of(io); });
}

void tz_engine_options_set_loops(tz_engine_options* options, unsigned loops) {
    set(options, [&] { options->options.loops = loops; });
}

void tz_engine_options_set_workers(tz_engine_options* options, unsigned workers) {
    set(options, [&] { options->options.workers = workers; });
}

void tz_engine_options_set_concurrency(tz_engine_options* options, unsigned chunks) {
    set(options, [&] { options->options.concurrency = chunks; });
}

void tz_engine_options_set_chunk_bytes(tz_engine_options* options, size_t bytes) {
    set(options, [&] { options->options.chunk_bytes = bytes; });
}

void tz_engine_options_set_memory_limit(tz_engine_options* options, size_t bytes) {
    set(options, [&] { options->options.memory_limit = bytes; });
}

void tz_engine_options_set_log(tz_engine_options* options, tz_log_fn log, void* user) {
    set(options, [&] {
        options->options.log = nullptr;
        if (log != nullptr)
            options->options.log = [log, user](LogLevel level, const std::string& line) {
                log(level_of(level), line.c_str(), user);
            };
    });
}

tz_status tz_engine_create(const tz_engine_options* options, tz_engine** engine, tz_error** error) {
    if (engine != nullptr)
        *engine = nullptr;
    return guarded(error, [&] {
        demand(engine, "the place for the engine");
        if (options != nullptr && options->failure)
            std::rethrow_exception(options->failure);
        *engine = new tz_engine(options != nullptr ? options->options : EngineOptions{});
    });
}

void tz_engine_destroy(tz_engine* engine) {
    delete engine;
}

const char* tz_engine_io(const tz_engine* engine) {
    return engine != nullptr ? engine->io.c_str() : "";
}
