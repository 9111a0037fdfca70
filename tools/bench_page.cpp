#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/format/sha256.hpp>
#include <tz/protocols/base64.hpp>
#include <tz/tools/bench_page.hpp>
#include <tz/tools/bench_page_parts.hpp>

#include <fmt/format.h>

#include <functional>
#include <map>
#include <span>
#include <string_view>

namespace tz::bench {

namespace {

using cli::Json;

using Parts = std::map<std::string_view, std::string, std::less<>>;

void require(bool holds, const char* what) {
    if (!holds)
        throw Error(
            errc::format,
            fmt::format("this is no result of tz-bench: {}", what),
            {},
            "tz-bench load --export-json writes them");
}

bool is_text(const Json& object, const char* name) {
    return object.contains(name) && object.at(name).is_string();
}

/// Whatever the program of the page relies on.
void check_entry(const Json& entry) {
    require(entry.is_object(), "an entry is no object");
    for (const char* name : {"role", "name", "file", "cache"})
        require(is_text(entry, name), "an entry has no role, name, file or cache");
    const Json& rates = entry.value("gb_per_s", Json());
    require(rates.is_object(), "an entry has no gb_per_s");
    for (const char* name : {"median", "min", "max"})
        require(rates.contains(name) && rates.at(name).is_number(), "gb_per_s is not complete");
}

void check_load(const Json& result) {
    require(result.contains("runs") && result.at("runs").is_array(), "it has no runs");
    const Json summary = result.value("summary", Json());
    const Json entries = summary.is_object() ? summary.value("entries", Json()) : Json();
    require(entries.is_array(), "it has no summary of entries");
    for (const Json& entry : entries)
        check_entry(entry);
}

void check_sweep(const Json& sweep) {
    require(sweep.is_object(), "sweep is no object");
    for (const char* name : {"concurrency", "chunk_bytes", "cells"})
        require(
            sweep.contains(name) && sweep.at(name).is_array(),
            "sweep has no concurrency, chunk_bytes or cells");
}

void check(const Json& result) {
    require(result.is_object(), "it is no JSON object");
    require(is_text(result, "schema"), "it has no schema");
    const auto schema = result.at("schema").get<std::string>();
    const bool sweep = schema == "tz-bench-sweep/1";
    require(sweep || schema == "tz-bench/1", "its schema is another one");
    if (sweep)
        require(result.contains("sweep"), "it has no sweep");
    else
        check_load(result);
    if (result.contains("sweep"))
        check_sweep(result.at("sweep"));
}

/// JSON that can stand in a script element: only '<' begins something there, and outside strings
/// JSON has none.
std::string embedded(const Json& json) {
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string safe;
    safe.reserve(text.size());
    for (const char c : text)
        if (c == '<')
            safe += "\\u003c";
        else
            safe += c;
    return safe;
}

std::string source_of(std::string_view text) {
    const auto hash = format::sha256(std::as_bytes(std::span(text)));
    return fmt::format("'sha256-{}'", encode_base64(std::as_bytes(std::span(hash))));
}

std::string policy() {
    return fmt::format(
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; script-src {}; "
        "style-src {}",
        source_of(page_js),
        source_of(page_css));
}

/// Each "@name@" of the template becomes that part; parts aren't searched.
std::string filled(std::string_view text, const Parts& parts) {
    std::string out;
    while (!text.empty()) {
        const std::size_t begin = text.find('@');
        out += text.substr(0, begin);
        if (begin == text.npos)
            break;
        const std::size_t end = text.find('@', begin + 1);
        out += parts.find(text.substr(begin + 1, end - begin - 1))->second;
        text.remove_prefix(end + 1);
    }
    return out;
}

} // namespace

std::string page(const Json& result, const Json& timeline) {
    check(result);
    Parts parts;
    parts["policy"] = policy();
    parts["css"] = page_css;
    parts["js"] = page_js;
    parts["result"] = embedded(result);
    parts["timeline"] = embedded(timeline);
    return filled(page_template, parts);
}

void write_page(NewFile& file, const Json& result, const Json& timeline) {
    const std::string text = page(result, timeline);
    file.write(std::as_bytes(std::span(text)), 0);
    file.sync();
    file.publish();
}

} // namespace tz::bench
