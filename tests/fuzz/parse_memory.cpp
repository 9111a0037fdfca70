// Parses files that are made to cost as much memory as any of their size, and prints what they
// cost: what fuzzers don't find, since their inputs are small. Ends with 1 where one costs too
// much. Usage: parse_memory [KIB], of each file's index or header
#include "memory_bound.hpp"
#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/shard_index.hpp>
#include <tz/format/tensorizer.hpp>

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

/// An index of as many entries as `region_bytes` hold; sets `file_bytes` to what a file with their
/// headers has.
Bytes index_of_small(
    std::uint64_t region_bytes, std::size_t dimensions, std::uint64_t& file_bytes) {
    const std::uint64_t fixed_bytes = 39 + 4 * dimensions; // of a header, but its name
    Appender out;
    std::uint64_t count = 0;
    std::uint64_t at = prefix_bytes + region_bytes;
    for (; out.size() + 48 + 4 * dimensions < region_bytes; ++count) {
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

/// `one(number)` again and again, with commas, as the members of an object.
std::string object(std::size_t bytes, const std::function<std::string(std::size_t)>& one) {
    std::string text = "{";
    for (std::size_t i = 0; text.size() < bytes; ++i)
        text += (i > 0 ? "," : "") + one(i);
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
        const Bytes index = index_of_small(bytes, dimensions, file_bytes);
        fine &= measure(
            "an index of small entries", file_bytes, [&] { parse_index(index, file_bytes); });
    }
    Appender out;
    append_prefix(out, bytes / 32, bytes);
    out.zeros(bytes);
    const Bytes lying = out.finish();
    return fine &
           measure("a count that lies", lying.size(), [&] { parse_index(lying, lying.size()); });
}

bool measure_json(std::size_t bytes) {
    std::uint64_t at = 0;
    const std::string tensors = object(bytes, [&](std::size_t i) {
        const std::string begin = std::to_string(at++);
        return '"' + name_of(i) + R"(":{"dtype":"U8","shape":[],"data_offsets":[)" + begin + ',' +
               std::to_string(at) + "]}";
    });
    const std::string texts =
        object(bytes, [](std::size_t i) { return '"' + name_of(i) + "\":\"\""; });
    const std::string nested = R"({"a":{"x":)" + std::string(bytes / 2, '[');
    bool fine = true;
    for (const std::string& body : {tensors, R"({"__metadata__":)" + texts + "}", nested}) {
        const Bytes file = safetensors(body);
        const std::uint64_t file_bytes = file.size() + (body.size() == tensors.size() ? at : 0);
        fine &= measure(
            "a safetensors header", file_bytes, [&] { parse_safetensors(file, file_bytes); });
    }
    const std::string shards =
        R"({"weight_map":)" +
        object(bytes, [](std::size_t i) { return '"' + name_of(i) + "\":\"s\""; }) + "}";
    return fine & measure("a list of shards", shards.size(), [&] {
               parse_shard_index(std::as_bytes(std::span(shards)));
           });
}

} // namespace

int main(int count, char** arguments) {
    const std::size_t bytes = (count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 512) << 10;
    const bool tensors = measure_tensors(bytes);
    return measure_json(bytes) && tensors ? 0 : 1;
}
