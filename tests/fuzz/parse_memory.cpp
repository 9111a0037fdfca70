// Parses files that are made to cost as much memory as any of their size, and usual ones, and
// prints what they cost: what fuzzers don't find, since their inputs are small. Ends with 1 where
// one costs too much. Usage: parse_memory [KIB], of each file's index or header, or as far as they
// may go
#include "memory_bound.hpp"
#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/shard_index.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tz::format;
using Bytes = std::vector<std::byte>;

/// A short name for each number.
std::string name_of(std::size_t number) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    std::string name;
    do {
        name += letters[number % letters.size()];
        number /= letters.size();
    } while (number > 0);
    return name;
}

void append_prefix(Appender& out, std::uint64_t tensors, std::uint64_t region_bytes) {
    out.text("|TZR|");
    out.integer<std::uint32_t>(2);
    out.zeros(32 + 8 + 8);
    out.integer<std::uint64_t>(tensors);
    out.integer<std::uint64_t>(region_bytes);
}

/// One of 40 letters, as most have about as many.
std::string usual_name_of(std::size_t number) {
    const std::string name = "model.layers." + std::to_string(number);
    return name + std::string(40 - name.size(), 'w');
}

using NameOf = std::string (*)(std::size_t);

/// An index of as many entries as `region_bytes` hold; sets `file_bytes` to what a file with their
/// headers has.
Bytes index_of(
    std::uint64_t region_bytes, std::size_t dimensions, NameOf name_of, std::uint64_t& file_bytes) {
    const std::uint64_t fixed_bytes = 39 + 4 * dimensions; // of a header, but its name
    Appender out;
    std::uint64_t count = 0;
    std::uint64_t at = prefix_bytes + region_bytes;
    for (; out.size() + 80 + 4 * dimensions < region_bytes; ++count) {
        const std::string name = name_of(count);
        out.integer<std::uint16_t>(static_cast<std::uint16_t>(name.size()));
        out.text(name);
        out.integer<std::uint8_t>(2);
        out.integer<std::uint8_t>(3);
        out.text("|u1");
        out.integer<std::uint8_t>(static_cast<std::uint8_t>(dimensions));
        out.zeros(4 * dimensions);
        const std::uint64_t data = at + fixed_bytes + name.size();
        out.integer<std::uint64_t>(at);
        out.integer<std::uint64_t>(data);
        out.integer<std::uint64_t>(dimensions == 0 ? 1 : 0);
        at = data + 1;
    }
    out.zeros(region_bytes - out.size());
    Appender index;
    append_prefix(index, count, region_bytes);
    index.bytes(out.finish());
    file_bytes = at;
    return index.finish();
}

Bytes safetensors(std::string body) {
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i)
        file[i] = static_cast<char>(body.size() >> (8 * i));
    file += body;
    const auto bytes = std::as_bytes(std::span(file));
    return {bytes.begin(), bytes.end()};
}

/// `one(number)` again and again, with commas, as the members of an object of `bytes` or little
/// less.
std::string object(std::size_t bytes, const std::function<std::string(std::size_t)>& one) {
    std::string text = "{" + one(0);
    for (std::size_t i = 1; text.size() + 200 < bytes; ++i)
        text += "," + one(i);
    return text + "}";
}

/// Whether it cost no more than it may. `parse` may refuse.
bool measure(const char* what, std::uint64_t input_bytes, const std::function<void()>& parse) {
    std::string end = "read";
    {
        tz::test::PeakMemory peak;
        try {
            parse();
        } catch (const tz::Error& error) {
            end = std::string("refused: ") + error.what();
        }
    }
    const std::int64_t peak = tz::test::PeakMemory::of_last();
    const bool fine = peak <= tz::test::memory_allowed(input_bytes);
    std::cout << (fine ? "ok       " : "TOO MUCH ") << what << ": " << input_bytes << " bytes, "
              << peak << " of memory, " << static_cast<double>(peak) / input_bytes << " times; "
              << end << "\n";
    return fine;
}

bool measure_tensors(std::size_t bytes) {
    bool fine = true;
    for (const std::size_t dimensions : {0, 1, 64}) {
        std::uint64_t file_bytes = 0;
        const Bytes index = index_of(bytes, dimensions, name_of, file_bytes);
        fine &= measure(
            "an index of small entries", file_bytes, [&] { parse_index(index, file_bytes); });
    }
    const auto in_list = [](std::size_t i) { return "\x1e[\"" + name_of(i) + "\"]"; };
    for (const NameOf names : {NameOf(in_list), usual_name_of}) {
        std::uint64_t file_bytes = 0;
        const Bytes index = index_of(bytes, 2, names, file_bytes);
        fine &= measure(
            "an index with longer names", file_bytes, [&] { parse_index(index, file_bytes); });
    }
    Appender out;
    append_prefix(out, bytes / 32, bytes);
    out.zeros(bytes);
    const Bytes lying = out.finish();
    return fine &
           measure("a count that lies", lying.size(), [&] { parse_index(lying, lying.size()); });
}

/// Tensors with data of a byte each, or of none, as `shape` says; the first ones last, or not.
bool measure_tensors_in_json(
    const char* what, std::size_t bytes, NameOf name_of, const std::string& shape, bool backwards) {
    const std::uint64_t step = shape.starts_with("[0") ? 0 : 1;
    std::uint64_t at = backwards ? bytes : 0;
    const std::uint64_t begin = at;
    std::string text = object(bytes, [&](std::size_t i) {
        const std::uint64_t from = backwards ? at - step : at;
        at = backwards ? from : from + step;
        return '"' + name_of(i) + R"(":{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":[)" +
               std::to_string(from) + ',' + std::to_string(from + step) + "]}";
    });
    if (backwards) // what is before the last one
        text.insert(
            1,
            R"("":{"dtype":"U8","shape":[)" + std::to_string(at) + R"(],"data_offsets":[0,)" +
                std::to_string(at) + "]},");
    const Bytes file = safetensors(text);
    const std::uint64_t file_bytes = file.size() + std::max(begin, at);
    return measure(what, file.size(), [&] { parse_safetensors(file, file_bytes); });
}

bool measure_safetensors(std::size_t bytes) {
    bytes = std::min<std::size_t>(bytes, safetensors_header_bytes_max - 200);
    std::string dimensions = "[0";
    for (int i = 1; i < 64; ++i)
        dimensions += ",1";
    dimensions += ']';
    // a path of one key; its letters are stored as escapes
    const auto keys = [](std::size_t i) { return "\\u001e" + name_of(i) + "\xc3\xa4\xc3\xa4"; };
    bool fine = measure_tensors_in_json("the shortest entries", bytes, name_of, "[0]", false);
    fine &= measure_tensors_in_json("short entries", bytes, name_of, "[]", false);
    fine &= measure_tensors_in_json("short entries backwards", bytes, name_of, "[]", true);
    fine &= measure_tensors_in_json("64 dimensions", bytes, name_of, dimensions, false);
    fine &= measure_tensors_in_json("names of other letters", bytes, keys, "[0]", false);
    fine &= measure_tensors_in_json("usual entries", bytes, usual_name_of, "[1,1]", false);
    fine &= measure_tensors_in_json("usual entries backwards", bytes, usual_name_of, "[1,1]", true);
    const std::string texts =
        object(bytes, [](std::size_t i) { return '"' + name_of(i) + "\":\"\""; });
    const std::string escapes = R"({"__metadata__":{"a":"\n)" + std::string(bytes, 'x') + "\"}}";
    const std::string nested = R"({"a":{"x":)" + std::string(bytes / 2, '[');
    const std::string braces = R"({"__metadata__":{"a":")" + std::string(bytes, '{') + "\"}}";
    for (const std::string& body : {R"({"__metadata__":)" + texts + "}", escapes, nested, braces}) {
        const Bytes file = safetensors(body);
        fine &= measure(
            "a header of other things", file.size(), [&] { parse_safetensors(file, file.size()); });
    }
    return fine;
}

bool measure_shard_list(std::size_t bytes) {
    bytes = std::min<std::size_t>(bytes, shard_index_bytes_max - 20);
    bool fine = true;
    for (const NameOf names : {NameOf(name_of), usual_name_of}) {
        const std::string text =
            R"({"weight_map":)" +
            object(bytes, [names](std::size_t i) { return '"' + names(i) + "\":\"s\""; }) + "}";
        fine &= measure("a list of shards", text.size(), [&] {
            parse_shard_index(std::as_bytes(std::span(text)));
        });
    }
    return fine;
}

} // namespace

int main(int count, char** arguments) {
    const std::size_t bytes = (count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 512) << 10;
    const bool tensors = measure_tensors(bytes);
    const bool safetensors = measure_safetensors(bytes);
    return measure_shard_list(bytes) && safetensors && tensors ? 0 : 1;
}
