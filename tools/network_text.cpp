#include <tz/tools/network_text.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

namespace tz::cli {

namespace {

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

} // namespace

std::string network_text(const LoadStats& stats) {
    std::string text = fmt::format(
        "{} on {}",
        counted(stats.requests, "request", "requests"),
        counted(stats.connections, "connection", "connections"));
    if (stats.retries > 0)
        text += ", " + counted(stats.retries, "retry", "retries");
    if (stats.hedged > 0)
        text += fmt::format(", {} sent twice ({} answered sooner)", stats.hedged, stats.hedges_won);
    if (stats.throttles > 0)
        text += fmt::format(", {} times asked for fewer", stats.throttles);
    if (stats.refetched > 0)
        text += fmt::format(", {} came damaged and fetched again", stats.refetched);
    if (stats.gap_bytes > 0)
        text += fmt::format(", {} between tensors read too", size_text(stats.gap_bytes));
    return text + "\n";
}

void add_copied(Json& json, const LoadStats& stats) {
    json["seconds"] = stats.seconds;
    json["gb_per_s"] = gb_per_s(stats.bytes, stats.seconds);
    json["cpu_seconds"] = stats.cpu_seconds;
    json["loop_cpu_seconds"] = stats.loop_cpu_seconds;
    json["staging_bytes"] = stats.staging_bytes;
    json["io"] = stats.io;
    json["read_bytes"] = stats.read_bytes;
    json["direct_bytes"] = stats.direct_bytes;
    add_requests(json, stats);
    json["loops"] = stats.loops;
    json["workers"] = stats.workers;
    json["concurrency"] = stats.lanes;
    json["chunk_bytes"] = stats.chunk_bytes;
}

void add_requests(Json& json, const LoadStats& stats) {
    json["requests"] = stats.requests;
    json["connections"] = stats.connections;
    json["retries"] = stats.retries;
    json["hedged"] = stats.hedged;
    json["hedges_won"] = stats.hedges_won;
    json["throttles"] = stats.throttles;
}

} // namespace tz::cli
