// Small results and traces, and what a page made of them says: for the tests of pages.
#pragma once

#include <tz/format/error.hpp>
#include <tz/tools/json.hpp>

#include <functional>
#include <string>

namespace tz::test {

using cli::Json;

inline Json bench_entry(const std::string& name) {
    return {
        {"role", "load"},
        {"name", name},
        {"file", "x.tensors"},
        {"cache", "warm"},
        {"samples", 1},
        {"gb_per_s", {{"median", 2}, {"min", 1}, {"max", 3}}}};
}

/// Of a load; all that a page relies on.
inline Json bench_result(const std::string& name = "plain") {
    return {
        {"schema", "tz-bench/1"},
        {"runs", Json::array()},
        {"summary", {{"entries", {bench_entry(name)}}}}};
}

/// A stage of a chunk on a track; times in microseconds.
inline Json slice(int track, const char* stage, double begin, double length, int bytes, int chunk) {
    return {
        {"ph", "X"},
        {"name", stage},
        {"pid", 1},
        {"tid", track},
        {"ts", begin},
        {"dur", length},
        {"args", {{"bytes", bytes}, {"chunk", chunk}}}};
}

/// The text of the element with that id.
inline std::string text_of(const std::string& html, const std::string& id) {
    const std::string opening = "id=\"" + id + "\">";
    const std::size_t begin = html.find(opening) + opening.size();
    return html.substr(begin, html.find("</script>", begin) - begin);
}

/// Of what `call` throws.
inline errc kind_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.kind();
    }
    return {};
}

} // namespace tz::test
