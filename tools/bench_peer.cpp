#include <tz/format/error.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_peer.hpp>
#include <tz/tools/bench_program.hpp>

#include <fmt/format.h>

#include <filesystem>

namespace tz::bench {

namespace {

constexpr const char* file_mark = "{file}";
constexpr const char* safetensors_mark = "{safetensors}";
constexpr const char* key_mark = "{key_file}";
constexpr const char* password_mark = "{password_file}";

std::string replace_all(std::string text, const std::string& mark, const std::string& value) {
    const std::string word = shell_word(value);
    std::size_t at = 0;
    while ((at = text.find(mark, at)) != std::string::npos) {
        text.replace(at, mark.size(), word);
        at += word.size();
    }
    return text;
}

} // namespace

std::string Peer::file_of(const Subject& subject) const {
    if (!names(safetensors_mark))
        return subject.path;
    return std::filesystem::path(subject.path).replace_extension(".safetensors").string();
}

bool Peer::suits(const Subject& subject) const {
    const bool takes_key = names(key_mark);
    const bool takes_password = names(password_mark);
    return takes_key == (subject.encrypted && subject.key) &&
           takes_password == (subject.encrypted && subject.password);
}

Peer parse_peer(const std::string& text, std::optional<Cache> cache) {
    const std::size_t at = text.find('=');
    if (at != 0 && at != std::string::npos) {
        Peer peer{text.substr(0, at), text.substr(at + 1), cache};
        if (peer.names(file_mark) || peer.names(safetensors_mark))
            return peer;
    }
    throw Error(
        errc::usage,
        fmt::format(
            "peer '{}' is not NAME=COMMAND with {} or {} in it",
            printable(text),
            file_mark,
            safetensors_mark));
}

Entry peer_entry(
    const Peer& peer, const Subject& subject, Cache cache, const std::stop_token& stop) {
    Entry entry{.role = Role::peer, .cache = cache, .name = peer.name, .file = subject.path};
    entry.reads = peer.file_of(subject);
    entry.delivers = true;
    entry.memory_bytes = subject.file_bytes;
    entry.crc32 = subject.contents_crc32;
    std::string command = replace_all(peer.command, file_mark, subject.path);
    command = replace_all(std::move(command), safetensors_mark, entry.reads);
    command = replace_all(std::move(command), key_mark, subject.key_file);
    command = replace_all(std::move(command), password_mark, subject.password_file);
    entry.run = [command, stop] { return sample_by(command, stop); };
    return entry;
}

} // namespace tz::bench
