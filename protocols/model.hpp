// From the name of a model, in one file or many, to its Sources.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/protocols/network.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz {

class Engine;
class Source;

/// What is to be loaded as one.
struct Model {
    std::vector<std::shared_ptr<const Source>> sources;
    std::vector<std::string> addresses; ///< of the sources, as open() takes them
    /// To be put into `LoadOptions::check_layouts`; empty where there is nothing to check. Throws
    /// `tz::Error` (errc::format) where shards don't hold what the list of them says.
    std::function<void(std::span<const format::Layout>)> check;
};

/// Opens what `addresses` name, each one of these:
/// - whatever open() takes: one file;
/// - a list of shards: a path or URL that ends in ".index.json". Its shards, beside it, in the
///   order of their names;
/// - a folder: its model.safetensors.index.json, or the only other list of shards in it, or else
///   all its *.safetensors, or else all its *.tensors, in the order of their names;
/// - a path or URL with a place for a number, "model-%03d.tensors": the files 0, 1 and so on, as
///   many as there are, see numbered_files.hpp;
/// - hf://ORG/NAME[@REVISION][/PATH]: the folder or file of that in the Hugging Face cache of this
///   machine, see hf_cache.hpp.
/// Lists of shards are read here, by `engine`; `waiting` says how long that may take, and how it is
/// stopped. Otherwise as open(), and throws `tz::Error` as that does: not_found for an empty
/// folder, usage for one with several lists.
Model open_model(
    Engine& engine,
    std::span<const std::string> addresses,
    const NetworkOptions& network = {},
    Direct direct = Direct::automatic,
    Log log = {},
    const LoadOptions& waiting = {});

} // namespace tz
