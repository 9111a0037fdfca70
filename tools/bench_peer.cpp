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

std::string with_files(std::string command, const Subject& subject, const std::string& reads) {
    command = replace_all(std::move(command), file_mark, subject.path);
    command = replace_all(std::move(command), safetensors_mark, reads);
    command = replace_all(std::move(command), key_mark, subject.key_file);
    return replace_all(std::move(command), password_mark, subject.password_file);
}

} // namespace

std::string Peer::file_of(const Subject& subject) const {
    if (!reads.empty())
        return reads;
    if (!names(safetensors_mark))
        return subject.path;
    return std::filesystem::path(subject.path).replace_extension(".safetensors").string();
}

bool Peer::suits(const Subject& wanted) const {
    if (!subject.empty())
        return subject == wanted.path;
    const bool takes_key = names(key_mark);
    const bool takes_password = names(password_mark);
    return takes_key == (wanted.encrypted && wanted.key) &&
           takes_password == (wanted.encrypted && wanted.password);
}

Peer parse_peer(const std::string& text, std::optional<Cache> cache) {
    const std::size_t at = text.find('=');
    if (at != 0 && at != std::string::npos) {
        const Peer peer{.name = text.substr(0, at), .command = text.substr(at + 1), .cache = cache};
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
    const Peer& peer,
    const Subject& subject,
    Cache cache,
    double seconds_max,
    const std::stop_token& stop) {
    Entry entry{.role = Role::peer, .cache = cache, .name = peer.name, .file = subject.path};
    entry.reads = peer.file_of(subject);
    entry.version = peer.version;
    entry.delivers = true;
    if (!peer.missing.empty()) {
        entry.failed = Failed::missing;
        entry.failure = peer.missing;
        return entry;
    }
    entry.memory_bytes = subject.file_bytes;
    entry.crc32 = subject.contents_crc32;
    std::string command = peer.command;
    if (peer.subject.empty())
        command = with_files(std::move(command), subject, entry.reads);
    entry.run = [command, stop, seconds_max] { return sample_by(command, stop, seconds_max); };
    return entry;
}

} // namespace tz::bench
