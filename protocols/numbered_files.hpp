// The files that a name with a place for a number stands for: "model-%03d.tensors" is the files 0,
// 1 and so on, as many as there are. The same rule on this machine and on servers.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/engine/numbered_name.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tz {

/// The paths of those on this machine. Throws `tz::Error` (errc::not_found) where there is no file
/// 0, and where fewer than `numbers_ahead` are missing before the next that is there; errc::limit
/// beyond `numbered_files_max`.
std::vector<std::string> numbered_paths(const NumberedName& name);

struct NumberedSource {
    std::string address;
    std::shared_ptr<const Source> source; ///< whose size and version are known
};

using OpenAddress = std::function<std::shared_ptr<const Source>(const std::string& address)>;

/// Those of a server, which is asked for number after number, since it need not have a list: first
/// for 0, then for several at a time. `query` stands behind each name. Throws as numbered_paths(),
/// and errc::denied where the server does not tell what is missing from what is forbidden.
std::vector<NumberedSource> numbered_sources(
    Engine& engine,
    const NumberedName& name,
    const std::string& query,
    const OpenAddress& open,
    const LoadOptions& waiting);

} // namespace tz
