#include <tz/format/error.hpp>
#include <tz/tools/bench_adapters.hpp>
#include <tz/tools/bench_child.hpp>
#include <tz/tools/bench_program.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace tz::bench {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// What `peers.py make` says: where each format is, and why one couldn't be made.
struct PeerFiles {
    std::map<std::string, std::string> files;
    std::vector<std::string> made;
    std::map<std::string, std::string> not_made;
};

template <typename Parsed, typename Parse>
Parsed parsed(const std::string& text, Parse parse) {
    try {
        return parse(Json::parse(text));
    } catch (const Json::exception& error) {
        throw Error(
            errc::format, fmt::format("peers.py prints nonsense: {}", printable(error.what())));
    }
}

std::string text_or_empty(const Json& object, const char* member) {
    const Json& value = object.at(member);
    return value.is_null() ? "" : value.get<std::string>();
}

Adapter parse_adapter(const Json& one) {
    Adapter adapter;
    adapter.name = one.at("name").get<std::string>();
    adapter.version = text_or_empty(one, "version");
    adapter.reads = one.at("reads").get<std::string>();
    adapter.secret = text_or_empty(one, "secret");
    const std::string cache = text_or_empty(one, "cache");
    if (!cache.empty())
        adapter.cache = cache == "warm" ? Cache::warm : Cache::cold;
    if (!one.at("importable").get<bool>())
        adapter.why_not = "it can't be imported: " + text_or_empty(one, "why_not");
    return adapter;
}

bool suits(const Adapter& adapter, const Subject& subject) {
    if (!subject.encrypted)
        return adapter.secret.empty();
    return adapter.secret == (subject.key ? "key" : "password");
}

PeerFiles make_files(
    const PeersScript& script,
    const Subject& subject,
    const std::set<std::string>& formats,
    const std::stop_token& stop) {
    const std::string path = fs::absolute(subject.path).string();
    // nobody but us and tensorizer reads these, and they as they are
    if (subject.encrypted)
        return {{{"tensors", path}}, {}, {}};
    if (formats.empty())
        return {};
    const std::string list = fmt::format("{}", fmt::join(formats, ","));
    std::string arguments = fmt::format("make {} --formats {}", shell_word(path), shell_word(list));
    if (!script.folder.empty())
        arguments += " --folder " + shell_word(script.folder);
    return parsed<PeerFiles>(run_script(script, arguments, stop), [](const Json& said) {
        return PeerFiles{
            said.at("files").get<std::map<std::string, std::string>>(),
            said.at("made").get<std::vector<std::string>>(),
            said.at("not_made").get<std::map<std::string, std::string>>()};
    });
}

Peer peer_of(
    const PeersScript& script,
    const Adapter& adapter,
    const Subject& subject,
    const PeerFiles& files) {
    Peer peer;
    peer.name = adapter.name;
    peer.version = adapter.version;
    peer.cache = adapter.cache;
    peer.subject = subject.path;
    peer.missing = adapter.why_not;
    const auto file = files.files.find(adapter.reads);
    if (peer.missing.empty() && file == files.files.end()) {
        const auto why = files.not_made.find(adapter.reads);
        peer.missing = why == files.not_made.end() ? "there is no such file for it" : why->second;
    }
    if (!peer.missing.empty())
        return peer;
    peer.reads = file->second;
    peer.command = fmt::format(
        "{} {} load {} {}",
        shell_word(script.python),
        shell_word(script.path),
        shell_word(adapter.name),
        shell_word(peer.reads));
    if (!adapter.secret.empty()) {
        const bool key = adapter.secret == "key";
        peer.command += key ? " --key-file " : " --password-file ";
        peer.command += shell_word(key ? subject.key_file : subject.password_file);
    }
    return peer;
}

} // namespace

std::string
run_script(const PeersScript& script, const std::string& arguments, const std::stop_token& stop) {
    const std::string command =
        fmt::format("{} {} {}", shell_word(script.python), shell_word(script.path), arguments);
    const ChildResult result = run_command(command, stop);
    if (result.status != 0)
        throw Error(
            errc::io,
            fmt::format("'{}' ended with {}", printable(script.python), result.status),
            {},
            "it says why above; --python chooses another Python")
            .in(script.path);
    return last_line(result.output);
}

std::vector<Adapter> parse_adapters(const std::string& json) {
    return parsed<std::vector<Adapter>>(json, [](const Json& said) {
        std::vector<Adapter> adapters;
        for (const Json& one : said.at("peers"))
            adapters.push_back(parse_adapter(one));
        return adapters;
    });
}

std::vector<Adapter> choose_adapters(
    const std::vector<Adapter>& adapters,
    const std::vector<std::string>& names,
    std::vector<std::string>& notes) {
    std::vector<Adapter> chosen;
    if (names == std::vector<std::string>{"all"}) {
        for (const Adapter& adapter : adapters)
            if (adapter.why_not.empty())
                chosen.push_back(adapter);
            else
                notes.push_back(fmt::format(
                    "not compared with {}: {}",
                    printable(adapter.name),
                    printable(adapter.why_not)));
        return chosen;
    }
    for (const std::string& name : names) {
        const auto found = std::ranges::find(adapters, name, &Adapter::name);
        if (found == adapters.end()) {
            std::vector<std::string> all;
            for (const Adapter& adapter : adapters)
                all.push_back(adapter.name);
            throw Error(
                errc::usage,
                fmt::format("'{}' is not a peer", printable(name)),
                {},
                fmt::format("peers are all, {}", fmt::join(all, ", ")));
        }
        chosen.push_back(*found);
    }
    return chosen;
}

std::vector<Peer> adapter_peers(
    const PeersScript& script,
    const std::vector<Adapter>& adapters,
    const Subject& subject,
    std::vector<std::string>& notes,
    const std::stop_token& stop) {
    std::set<std::string> formats;
    for (const Adapter& adapter : adapters)
        if (suits(adapter, subject) && adapter.why_not.empty())
            formats.insert(adapter.reads);
    const PeerFiles files = make_files(script, subject, formats, stop);
    for (const std::string& made : files.made)
        notes.push_back(fmt::format("made for the peers: {}", printable(made)));
    std::vector<Peer> peers;
    for (const Adapter& adapter : adapters)
        if (suits(adapter, subject))
            peers.push_back(peer_of(script, adapter, subject, files));
    return peers;
}

} // namespace tz::bench
