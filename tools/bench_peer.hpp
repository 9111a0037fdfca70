// Other loaders, called as commands.
#pragma once

#include <tz/tools/bench_load.hpp>

#include <optional>
#include <string>

namespace tz::bench {

/// `name=command`. In the command `{file}` stands for the file, `{safetensors}` for the file beside
/// it that has the same tensors and ends in .safetensors, `{key_file}` and `{password_file}` for
/// the files with these, all as words of the shell. What it prints: `sample_by`.
struct Peer {
    std::string name;
    std::string command;
    std::optional<Cache> cache; ///< only for loads of this kind
    std::string version{};      ///< where it is known
    std::string subject{};      ///< the one path that it is for; empty: any
    std::string reads{};        ///< what it reads, where no mark says so
    std::string missing{};      ///< what it lacks: it is reported, not run

    bool names(const char* mark) const { return command.find(mark) != std::string::npos; }

    /// The file that is read where `subject` is measured.
    std::string file_of(const Subject& subject) const;
    /// Whether it can load the subject: an encrypted one with its key or password.
    bool suits(const Subject& wanted) const;
};

/// Throws `tz::Error` (errc::usage).
Peer parse_peer(const std::string& text, std::optional<Cache> cache = {});

/// What takes samples of a peer that suits the subject, each of at most `seconds_max` (0: no
/// limit), with the start of its process.
Entry peer_entry(
    const Peer& peer,
    const Subject& subject,
    Cache cache,
    double seconds_max,
    const std::stop_token& stop);

} // namespace tz::bench
