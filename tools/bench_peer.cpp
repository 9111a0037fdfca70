#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_peer.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace tz::bench {

namespace {

constexpr const char* file_mark = "{file}";
constexpr const char* key_mark = "{key_file}";

std::string replace_all(std::string text, const std::string& mark, const std::string& by) {
    std::size_t at = 0;
    while ((at = text.find(mark, at)) != std::string::npos) {
        text.replace(at, mark.size(), by);
        at += by.size();
    }
    return text;
}

Sample parse(const std::string& output) {
    // a Python program may have warned on stdout before
    const std::size_t end = output.find_last_not_of(" \n\r\t");
    const std::size_t line = end == std::string::npos ? 0 : output.rfind('\n', end);
    const auto report = nlohmann::json::parse(output.substr(line == std::string::npos ? 0 : line));
    Sample sample;
    sample.bytes = report.at("bytes").get<std::uint64_t>();
    sample.seconds = report.at("seconds").at(0).get<double>();
    if (report.contains("cpu_seconds") && report.at("cpu_seconds").is_array())
        sample.cpu_seconds = report.at("cpu_seconds").at(0).get<double>();
    if (sample.bytes == 0 || sample.seconds <= 0)
        throw Error(errc::format, "the command reports no bytes or no time");
    return sample;
}

} // namespace

bool Peer::takes_key() const {
    return command.find(key_mark) != std::string::npos;
}

Peer parse_peer(const std::string& text) {
    const std::size_t at = text.find('=');
    if (at == 0 || at == std::string::npos || text.find(file_mark, at) == std::string::npos)
        throw Error(
            errc::usage,
            fmt::format(
                "--peer '{}' is not NAME=COMMAND with {} in it", printable(text), file_mark));
    return {text.substr(0, at), text.substr(at + 1)};
}

Entry peer_entry(
    const Peer& peer,
    const std::string& file,
    const std::string& key_file,
    Cache cache,
    const std::stop_token& stop) {
    std::string command = replace_all(peer.command, file_mark, shell_word(file));
    command = replace_all(std::move(command), key_mark, shell_word(key_file));
    Entry entry{.role = Role::peer, .cache = cache, .name = peer.name, .file = file};
    entry.delivers = true;
    entry.memory_bytes = std::filesystem::file_size(file);
    entry.run = [command, stop] {
        const ChildResult result = run_command(command, stop);
        if (result.status != 0)
            throw Error(errc::io, fmt::format("the command ended with {}", result.status));
        try {
            return parse(result.output);
        } catch (const nlohmann::json::exception& error) {
            throw Error(
                errc::format, fmt::format("the command's report: {}", printable(error.what())));
        }
    };
    return entry;
}

} // namespace tz::bench
