// Other loaders, called as commands.
#pragma once

#include <tz/tools/bench_entry.hpp>

#include <stop_token>
#include <string>

namespace tz::bench {

/// `name=command`. In the command `{file}` stands for the file and `{key_file}` for the file with
/// the key, both as words of the shell. It times itself, so that its start doesn't count, and
/// prints one JSON object last: {"seconds": [...], "bytes": N}, with "cpu_seconds": [...] if it
/// knows them.
struct Peer {
    std::string name;
    std::string command;

    /// Whether the command is meant for encrypted files: it then has `{key_file}` in it.
    bool takes_key() const;
};

/// Throws `tz::Error` (errc::usage).
Peer parse_peer(const std::string& text);

/// What takes one sample: the first time the command reports, since later ones in the same process
/// are never cold.
Entry peer_entry(
    const Peer& peer,
    const std::string& file,
    const std::string& key_file,
    Cache cache,
    const std::stop_token& stop);

} // namespace tz::bench
