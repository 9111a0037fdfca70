#include <tz/format/error.hpp>
#include <tz/tools/bench_timeline.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tz::bench {

namespace {

using cli::Json;

struct Slice {
    std::int64_t track = 0;
    std::string stage;
    double begin = 0; ///< microseconds
    double length = 0;
    std::uint64_t bytes = 0;
    std::uint64_t chunk = 0;

    double end() const { return begin + length; }
};

/// What the events say, by begin.
struct Trace {
    std::vector<Slice> slices;
    std::map<std::int64_t, std::string> tracks;
    Json labels = Json::array();
};

using Curve = std::vector<std::pair<double, std::uint64_t>>; ///< time, bytes so far

const Json& events_of(const Json& trace) {
    const Json& events = trace.is_object() ? trace.at("traceEvents") : trace;
    if (!events.is_array())
        throw Error(errc::format, "this is no trace", {}, "tz load --trace writes them");
    return events;
}

void add_fact(Trace& trace, const Json& event) {
    const Json& name = event.at("name");
    if (name == "thread_name")
        trace.tracks[event.at("tid")] = event.at("args").at("name");
    if (name == "process_labels")
        trace.labels.push_back(event.at("args").at("labels").get<std::string>());
}

Slice slice_of(const Json& event) {
    const Json& args = event.at("args");
    Slice slice;
    slice.track = event.at("tid");
    slice.stage = event.at("name");
    slice.begin = event.at("ts");
    slice.length = event.at("dur");
    slice.bytes = args.at("bytes");
    slice.chunk = args.at("chunk");
    return slice;
}

Trace parse(const Json& json) {
    Trace trace;
    for (const Json& event : events_of(json)) {
        if (event.at("ph") == "M")
            add_fact(trace, event);
        if (event.at("ph") == "X")
            trace.slices.push_back(slice_of(event));
    }
    std::ranges::stable_sort(trace.slices, {}, &Slice::begin);
    return trace;
}

Curve summed(std::vector<std::pair<double, std::uint64_t>> parts) {
    std::ranges::sort(parts);
    std::uint64_t bytes = 0;
    for (auto& [time, part] : parts)
        part = bytes += part;
    return parts;
}

Curve read_curve(const std::vector<Slice>& slices) {
    Curve parts;
    for (const Slice& slice : slices)
        if (slice.stage == "read")
            parts.emplace_back(slice.end(), slice.bytes);
    return summed(std::move(parts));
}

/// Tensors are delivered, chunks are done: what goes to the caller would count twice.
Curve done_curve(const std::vector<Slice>& slices) {
    std::map<std::uint64_t, const Slice*> last;
    for (const Slice& slice : slices)
        if (slice.stage != "deliver") {
            const Slice*& known = last[slice.chunk];
            if (known == nullptr || slice.end() >= known->end())
                known = &slice;
        }
    Curve parts;
    for (const auto& [chunk, slice] : last)
        parts.emplace_back(slice->end(), slice->bytes);
    return summed(std::move(parts));
}

/// Its last point stays: it is the sum.
Json thinned(const Curve& curve, double begin) {
    const std::size_t step = curve.size() / points_max + 1;
    Json points = Json::array();
    for (std::size_t i = 0; i < curve.size(); ++i)
        if (i % step == step - 1 || i + 1 == curve.size())
            points.push_back({(curve[i].first - begin) / 1e6, curve[i].second});
    return points;
}

/// The place of `name` in `names`, where it is put if it's new.
std::size_t place_of(Json& names, const std::string& name) {
    const auto found = std::ranges::find(names, Json(name));
    const auto place = static_cast<std::size_t>(found - names.begin());
    if (place == names.size())
        names.push_back(name);
    return place;
}

double rounded(double microseconds) {
    return std::round(microseconds * 10) / 10; // finer than any screen; short as text
}

void add_slices(Json& json, const Trace& trace, double begin) {
    std::map<std::int64_t, std::size_t> lanes;
    json["lanes"] = Json::array();
    for (const Slice& slice : trace.slices)
        lanes[slice.track] = 0;
    for (auto& [track, lane] : lanes) {
        lane = json["lanes"].size();
        const auto name = trace.tracks.find(track);
        json["lanes"].push_back(
            name == trace.tracks.end() ? "track " + std::to_string(track) : name->second);
    }
    json["stages"] = Json::array();
    json["slices"] = Json::array();
    const std::size_t drawn = std::min(trace.slices.size(), slices_max);
    for (std::size_t i = 0; i < drawn; ++i) {
        const Slice& slice = trace.slices[i];
        json["slices"].push_back(
            {lanes.at(slice.track),
             place_of(json["stages"], slice.stage),
             rounded(slice.begin - begin),
             rounded(slice.length),
             slice.bytes,
             slice.chunk});
    }
    json["left_out"] = trace.slices.size() - drawn;
}

Json drawn(const Trace& trace) {
    double begin = 0;
    double end = 0;
    if (!trace.slices.empty()) {
        begin = trace.slices.front().begin;
        end = std::ranges::max(trace.slices, {}, &Slice::end).end();
    }
    Json json;
    json["seconds"] = (end - begin) / 1e6;
    json["labels"] = trace.labels;
    add_slices(json, trace, begin);
    json["read"] = thinned(read_curve(trace.slices), begin);
    json["done"] = thinned(done_curve(trace.slices), begin);
    return json;
}

} // namespace

Json timeline(const Json& trace) {
    if (trace.is_null())
        return nullptr;
    try {
        return drawn(parse(trace));
    } catch (const Json::exception& error) {
        throw Error(
            errc::format,
            "this is no trace of tzio: " + std::string(error.what()),
            {},
            "tz load --trace writes them");
    }
}

} // namespace tz::bench
