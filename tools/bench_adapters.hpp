// The adapters of bench/peers.py: which there are, and what they need to load a file as peers.
#pragma once

#include <tz/tools/bench_peer.hpp>

#include <stop_token>
#include <string>
#include <vector>

namespace tz::bench {

/// One loader as `peers.py list --json` tells of it.
struct Adapter {
    std::string name;
    std::string version;        ///< empty where it is unknown
    std::string reads;          ///< a format: "tensors", "safetensors", "pt", "dcp", "transformers"
    std::optional<Cache> cache; ///< only for loads of this kind
    std::string secret;         ///< "key" or "password": it reads files encrypted so, and no others
    std::string why_not;        ///< why it can't be imported; empty where it can
};

/// peers.py and the Python that runs it.
struct PeersScript {
    std::string python = "python3"; ///< a path, or a name in PATH
    std::string path;
    std::string folder; ///< for files that are made; empty: beside the file, FILE.peers
};

/// Runs a command of the script and returns the last line that it prints. Throws `tz::Error`,
/// errc::io where it fails: it has then said why on stderr.
std::string
run_script(const PeersScript& script, const std::string& arguments, const std::stop_token& stop);

/// Pure. Throws `tz::Error` (errc::format).
std::vector<Adapter> parse_adapters(const std::string& json);

/// Those that are named, or where that is "all" all that can be imported; the others are then named
/// in `notes`. Pure. Throws `tz::Error` (errc::usage) where a name is not an adapter's.
std::vector<Adapter> choose_adapters(
    const std::vector<Adapter>& adapters,
    const std::vector<std::string>& names,
    std::vector<std::string>& notes);

/// Peers of the adapters that suit the subject. Has the formats made that they read. An adapter
/// that lacks something is a peer that is missing.
std::vector<Peer> adapter_peers(
    const PeersScript& script,
    const std::vector<Adapter>& adapters,
    const Subject& subject,
    std::vector<std::string>& notes,
    const std::stop_token& stop);

} // namespace tz::bench
