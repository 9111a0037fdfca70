#include <tz/engine/device_track.hpp>
#include <tz/engine/file_calls.hpp>
#include <tz/tools/trace_file.hpp>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

// Viewers call a thread whose number is the process's "main thread", so they differ.
constexpr int process = 1;
constexpr unsigned first_track = 10;

unsigned track_of(const TraceEvent& event) {
    return event.lane == Trace::caller_lane ? first_track : first_track + 1 + event.lane;
}

/// Of a stream's copies, which come from chunks but are of none.
bool is_devices(const TraceEvent& event) {
    return device_track_of(event.lane).has_value();
}

std::string name_of_track(const TraceEvent& event) {
    if (event.lane == Trace::caller_lane)
        return "caller";
    if (const auto track = device_track_of(event.lane))
        return fmt::format("cuda:{} stream {}", track->device, track->stream);
    return fmt::format("lane {}", event.lane);
}

/// Microseconds, to the nanosecond.
std::string time_text(std::chrono::nanoseconds time) {
    return fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

/// Writes the objects of the one array.
class Writer {
public:
    explicit Writer(std::ostream& to) : to_(to) {}

    void name_track(unsigned track, const std::string& name) {
        begin();
        fmt::print(
            to_,
            R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"{}"}}}})",
            process,
            track,
            name);
        begin();
        fmt::print(
            to_,
            R"({{"ph":"M","name":"thread_sort_index","pid":{},"tid":{},"args":{{"sort_index":{}}}}})",
            process,
            track,
            track);
    }

    void name_process(const std::string& name, std::uint64_t dropped) {
        begin();
        fmt::print(
            to_,
            R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":"{}"}}}})",
            process,
            name);
        if (dropped == 0)
            return;
        begin();
        fmt::print(
            to_,
            R"({{"ph":"M","name":"process_labels","pid":{},"args":{{"labels":"{} events dropped"}}}})",
            process,
            dropped);
    }

    // Whole nanoseconds, so that neighbours meet exactly: Perfetto reports slices that overlap by
    // rounding as an error.
    void slice(const TraceEvent& event) {
        begin();
        fmt::print(
            to_,
            R"({{"ph":"X","name":"{}","cat":"stage","pid":{},"tid":{},"ts":{},"dur":{},)"
            R"("args":{{"{}":{},"bytes":{}}}}})",
            is_devices(event) ? "copy to device" : name_of(event.stage),
            process,
            track_of(event),
            time_text(event.begin),
            time_text(event.end - event.begin),
            is_devices(event) ? "copy" : "chunk",
            event.chunk,
            event.bytes);
    }

    /// A step of the arrow that follows a chunk: "s" starts it, "t" goes on, "f" ends it.
    void arrow(const char* step, const TraceEvent& event) {
        begin();
        fmt::print(
            to_,
            R"({{"ph":"{}","name":"chunk","cat":"chunk","id":{},"pid":{},"tid":{},"ts":{}{}}})",
            step,
            event.chunk,
            process,
            track_of(event),
            time_text(event.begin),
            *step == 'f' ? R"(,"bp":"e")" : "");
    }

    void counters(std::chrono::nanoseconds time, std::int64_t chunks, std::int64_t bytes) {
        begin();
        fmt::print(
            to_,
            R"({{"ph":"C","name":"chunks in flight","pid":{},"ts":{},"args":{{"chunks":{}}}}})",
            process,
            time_text(time),
            chunks);
        begin();
        fmt::print(
            to_,
            R"({{"ph":"C","name":"bytes in flight","pid":{},"ts":{},"args":{{"bytes":{}}}}})",
            process,
            time_text(time),
            bytes);
    }

    void end() { to_ << "\n]\n"; }

private:
    void begin() {
        to_ << (first_ ? "[\n" : ",\n");
        first_ = false;
    }

    std::ostream& to_;
    bool first_ = true;
};

using Events = std::vector<TraceEvent>;

/// The events of each chunk, in order.
std::map<std::uint64_t, Events> by_chunk(const Events& events) {
    std::map<std::uint64_t, Events> chunks;
    for (const TraceEvent& event : events)
        if (event.stage != Stage::deliver && !is_devices(event)) // which count others
            chunks[event.chunk].push_back(event);
    for (auto& [number, of_chunk] : chunks)
        std::sort(of_chunk.begin(), of_chunk.end(), [](const auto& a, const auto& b) {
            return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
        });
    return chunks;
}

void write_tracks(Writer& writer, const Events& events) {
    std::map<unsigned, std::string> tracks;
    for (const TraceEvent& event : events)
        if (const unsigned track = track_of(event); !tracks.contains(track))
            tracks.emplace(track, name_of_track(event));
    for (const auto& [track, name] : tracks)
        writer.name_track(track, name);
}

void write_arrows(Writer& writer, const Events& events) {
    for (std::size_t i = 0; events.size() > 1 && i < events.size(); ++i)
        writer.arrow(i == 0 ? "s" : i + 1 == events.size() ? "f" : "t", events[i]);
}

void write_counters(Writer& writer, const std::map<std::uint64_t, Events>& chunks) {
    std::multimap<std::chrono::nanoseconds, std::int64_t> changes; // of bytes; the sign says which
    for (const auto& [number, events] : chunks) {
        const auto bytes = static_cast<std::int64_t>(std::max<std::uint64_t>(events[0].bytes, 1));
        changes.emplace(events.front().begin, bytes);
        changes.emplace(events.back().end, -bytes);
    }
    std::int64_t in_flight = 0;
    std::int64_t bytes = 0;
    for (const auto& [time, change] : changes) {
        in_flight += change > 0 ? 1 : -1;
        bytes += change;
        writer.counters(time, in_flight, bytes);
    }
}

} // namespace

void write_chrome_trace(std::ostream& to, const Trace& trace, const std::string& name) {
    Events events = trace.events();
    std::sort(events.begin(), events.end(), [](const TraceEvent& a, const TraceEvent& b) {
        return std::tie(a.begin, a.end, a.lane, a.stage) <
               std::tie(b.begin, b.end, b.lane, b.stage);
    });
    const auto chunks = by_chunk(events);
    Writer writer(to);
    writer.name_process(name, trace.dropped());
    write_tracks(writer, events);
    for (const TraceEvent& event : events)
        writer.slice(event);
    for (const auto& [number, of_chunk] : chunks)
        write_arrows(writer, of_chunk);
    write_counters(writer, chunks);
    writer.end();
}

TraceFile::TraceFile(std::string path, std::string name)
    : path_(std::move(path)),
      name_(std::move(name)) {
    std::error_code ignored;
    const auto status = std::filesystem::status(path_, ignored);
    if (std::filesystem::exists(status) && std::filesystem::is_other(status))
        return;
    file_.emplace(path_, Existing::replaced);
}

TraceFile::~TraceFile() {
    try {
        if (!written_)
            write();
    } catch (const std::exception&) {
        written_ = false; // the load's own error is what the user hears of
    }
}

void TraceFile::write() {
    written_ = true;
    if (!file_) {
        errno = 0;
        std::ofstream device(path_);
        write_chrome_trace(device, *trace_, name_);
        device.close();
        if (!device)
            fail_on(path_, "write the trace", errno);
        return;
    }
    std::ostringstream text; // some times the 48 MiB of the events, at most
    write_chrome_trace(text, *trace_, name_);
    file_->write(std::as_bytes(std::span(text.view())), 0);
    file_->publish();
}

} // namespace tz::cli
