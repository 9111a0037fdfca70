#include <tz/engine/file_calls.hpp>
#include <tz/engine/numbered_name.hpp>
#include <tz/engine/read_whole.hpp>
#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/format/shard_index.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/hf_cache.hpp>
#include <tz/protocols/model.hpp>
#include <tz/protocols/numbered_files.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/real_surroundings.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace tz {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view list_ending = ".index.json";
constexpr std::string_view usual_list = "model.safetensors.index.json";

/// A list of shards, which stand one after another among the sources.
struct List {
    std::string name;
    format::ShardIndex index;
    std::size_t first = 0;
};

void check_lists(const std::vector<List>& lists, std::span<const format::Layout> layouts) {
    for (const List& list : lists) {
        try {
            format::check_shards(list.index, layouts.subspan(list.first, list.index.shards.size()));
        } catch (const Error& error) {
            throw error.in(list.name);
        }
    }
}

/// An address up to its query or fragment, which only URLs have.
std::string_view without_query(std::string_view address) {
    const std::string scheme = scheme_of(address);
    if (scheme == "http" || scheme == "https")
        return address.substr(0, address.find_first_of("?#"));
    return scheme == "s3" ? address.substr(0, address.find('?')) : address;
}

/// What lies beside `address` and has this name.
std::string beside(std::string_view address, const std::string& name) {
    const std::string_view path = without_query(address);
    const std::string scheme = scheme_of(address);
    const bool encoded = scheme == "http" || scheme == "https";
    const std::size_t slash = path.rfind('/');
    const std::string folder(path.substr(0, slash == path.npos ? 0 : slash + 1));
    return folder + (encoded ? percent_encode(name, /*keep_slash=*/false) : name);
}

const char* hint_of(int error) {
    if (error == EMFILE)
        return "raise the limit of open files (ulimit -n)";
    switch (kind_of_errno(error)) {
    case errc::not_found: // since it was looked at
        return "check the path";
    case errc::denied:
        return "check its permissions";
    default:
        return "";
    }
}

/// The names in a folder, sorted, but for hidden ones: nobody wants what is half downloaded.
std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code failure;
    fs::directory_iterator entry(folder, failure);
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
        std::string name = entry->path().filename().string();
        std::error_code ignored;
        // a link that leads nowhere counts: what it stands for is missing
        if (!name.starts_with('.') && !entry->is_directory(ignored))
            names.push_back(std::move(name));
    }
    if (failure)
        throw Error(
            kind_of_errno(failure.value()),
            "the folder can't be read: " + system_message(failure.value()),
            {},
            hint_of(failure.value()))
            .in(folder);
    std::ranges::sort(names);
    return names;
}

std::vector<std::string> ending_in(const std::vector<std::string>& names, std::string_view ending) {
    std::vector<std::string> ones;
    std::ranges::copy_if(names, std::back_inserter(ones), [ending](const std::string& name) {
        return name.ends_with(ending);
    });
    return ones;
}

/// The addresses that a folder stands for.
std::vector<std::string> files_of(const std::string& folder) {
    const auto names = names_in(folder);
    auto lists = ending_in(names, ".safetensors.index.json");
    if (std::ranges::find(lists, usual_list) != lists.end())
        lists = {std::string(usual_list)};
    if (lists.size() > 1)
        throw Error(
            errc::usage,
            "the folder has " + std::to_string(lists.size()) + " lists of shards, " +
                printable(lists[0]) + " and others",
            {},
            "give the one that is wanted")
            .in(folder);
    for (std::vector<std::string> found :
         {lists, ending_in(names, ".safetensors"), ending_in(names, ".tensors")}) {
        for (std::string& name : found)
            name.insert(0, folder.ends_with('/') ? folder : folder + "/");
        if (!found.empty())
            return found;
    }
    throw Error(
        errc::not_found,
        "the folder has no *.safetensors.index.json, *.safetensors or *.tensors",
        {},
        "give the folder with the weights themselves")
        .in(folder);
}

class Opener {
public:
    Opener(
        Engine& engine,
        const NetworkOptions& network,
        Direct direct,
        Log log,
        const LoadOptions& waiting)
        : engine_(engine),
          network_(network),
          direct_(direct),
          log_(std::move(log)),
          waiting_(waiting) {}

    void add(const std::string& address) {
        const std::optional<std::string> path = path_of(address);
        if (!path)
            return add_remote(address);
        std::error_code ignored;
        const auto numbered = NumberedName::parse(*path);
        if (numbered && !fs::exists(*path, ignored)) {
            for (const std::string& file : numbered_paths(*numbered))
                add_file(file);
            return;
        }
        if (!fs::is_directory(*path, ignored))
            return add_file(*path);
        for (const std::string& file : files_of(*path))
            add_file(file);
    }

    Model finish() {
        if (!lists_.empty())
            model_.check = [lists = std::move(lists_)](std::span<const format::Layout> layouts) {
                check_lists(lists, layouts);
            };
        return std::move(model_);
    }

private:
    /// Where on this machine it is.
    static std::optional<std::string> path_of(const std::string& address) {
        const std::string scheme = scheme_of(address);
        if (scheme.empty())
            return address;
        if (scheme == "file")
            return path_of_file_url(address);
        if (scheme == "hf")
            return find_in_hf_cache(address, real_surroundings(nullptr));
        return {};
    }

    std::shared_ptr<Source> open_one(const std::string& address) const {
        return open(address, network_, direct_, log_);
    }

    void add_source(std::string address) {
        model_.sources.push_back(open_one(address));
        model_.addresses.push_back(std::move(address));
    }

    void add_file(const std::string& address) {
        if (without_query(address).ends_with(list_ending))
            add_list(address);
        else
            add_source(address);
    }

    void add_remote(const std::string& address) {
        const std::string_view path = without_query(address);
        const std::string query = address.substr(path.size());
        const auto numbered = NumberedName::parse(std::string(path));
        const bool of_version = scheme_of(address) == "s3" && !query.empty();
        if (!numbered || of_version) // a version is of one object
            return add_file(address);
        const auto open_it = [this](const std::string& one) { return open_one(one); };
        for (auto& [name, source] :
             numbered_sources(engine_, *numbered, query, open_it, waiting_)) {
            if (without_query(name).ends_with(list_ending)) {
                add_list(name);
                continue;
            }
            model_.sources.push_back(std::move(source));
            model_.addresses.push_back(std::move(name));
        }
    }

    void add_list(const std::string& address) {
        const auto source = open_one(address);
        const auto text = read_whole(engine_, source, format::shard_index_bytes_max, waiting_);
        List list{source->name(), {}, model_.sources.size()};
        try {
            list.index = format::parse_shard_index(text);
        } catch (const Error& error) {
            throw error.in(list.name);
        }
        for (const std::string& shard : list.index.shards)
            add_source(beside(address, shard));
        lists_.push_back(std::move(list));
    }

    Engine& engine_;
    const NetworkOptions& network_;
    Direct direct_;
    Log log_;
    const LoadOptions& waiting_;
    Model model_;
    std::vector<List> lists_;
};

} // namespace

Model open_model(
    Engine& engine,
    std::span<const std::string> addresses,
    const NetworkOptions& network,
    Direct direct,
    Log log,
    const LoadOptions& waiting) {
    Opener opener(engine, network, direct, std::move(log), waiting);
    for (const std::string& address : addresses)
        opener.add(address);
    return opener.finish();
}

} // namespace tz
