#include <tz/format/error.hpp>
#include <tz/protocols/ascii.hpp>
#include <tz/protocols/hf_cache.hpp>
#include <tz/protocols/url.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

namespace tz {

namespace {

constexpr std::string_view start = "hf://";

/// An address taken apart.
struct HfName {
    std::vector<std::string> repository; ///< organisation and name, or the name alone
    std::string revision = "main";
    std::string path; ///< in it; empty: all of it

    std::string joined(const char* between) const {
        return repository.size() == 1 ? repository[0] : repository[0] + between + repository[1];
    }
};

[[noreturn]] void refuse(std::string_view address, const std::string& why) {
    throw Error(
        errc::usage,
        "'" + printable(address) + "' names no model: " + why,
        {},
        "write hf://ORG/NAME, hf://ORG/NAME@REVISION or hf://ORG/NAME/FILE");
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find('/');
        parts.emplace_back(text.substr(0, end));
        if (end == text.npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

/// No part leads out of the folder that it is looked for in.
bool stays_inside(std::string_view path) {
    const auto parts = split(path);
    return std::ranges::none_of(parts, [](const std::string& part) {
        return part.empty() || part == "." || part == ".." || part.find('\0') != part.npos;
    });
}

bool is_id(std::string_view text) {
    const bool plain = std::ranges::all_of(text, [](char c) {
        return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
    });
    return plain && !text.empty() && text != "." && text.find("..") == text.npos &&
           text.find("--") == text.npos;
}

HfName parse(std::string_view address) {
    HfName name;
    auto parts = split(address.substr(std::min(start.size(), address.size())));
    const bool alone = parts.size() == 1 || parts[0].find('@') != std::string::npos;
    const std::size_t ids = alone ? 1 : 2;
    std::string& last = parts[ids - 1];
    if (const std::size_t at = last.find('@'); at != last.npos) {
        name.revision = percent_decode(std::string_view(last).substr(at + 1));
        last.resize(at);
        if (!stays_inside(name.revision))
            refuse(address, "its revision is no name");
    }
    name.repository.assign(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(ids));
    if (!std::ranges::all_of(name.repository, is_id))
        refuse(address, "its name has a character that none has");
    for (std::size_t i = ids; i < parts.size(); ++i)
        name.path += (i > ids ? "/" : "") + parts[i];
    if (name.path.ends_with('/'))
        name.path.pop_back();
    if (!name.path.empty() && !stays_inside(name.path))
        refuse(address, "its path leads elsewhere");
    return name;
}

std::string cache_folder(const Surroundings& around) {
    const auto value = [&](const char* variable) {
        return around.environment(variable).value_or("");
    };
    const std::string home = value("HOME");
    const auto expanded = [&](const std::string& path) {
        return path == "~" || path.starts_with("~/") ? home + path.substr(1) : path;
    };
    for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) // the second: older
        if (const std::string path = value(variable); !path.empty())
            return expanded(path);
    if (const std::string path = value("HF_HOME"); !path.empty())
        return expanded(path) + "/hub";
    const std::string caches = value("XDG_CACHE_HOME");
    return (caches.empty() ? home + "/.cache" : expanded(caches)) + "/huggingface/hub";
}

[[noreturn]] void
not_cached(const HfName& name, const std::string& what, const std::string& where) {
    const std::string revision = name.revision == "main" ? "" : " --revision " + name.revision;
    throw Error(
        errc::not_found,
        what + " is not in the Hugging Face cache " + where,
        {},
        "download it first: hf download " + name.joined("/") + printable(revision));
}

bool exists(const std::string& path) {
    std::error_code failure;
    return std::filesystem::exists(path, failure);
}

bool is_commit(std::string_view text) {
    return text.size() >= 7 && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
               return ascii::is_digit(c) || (c >= 'a' && c <= 'f');
           });
}

/// A branch or a tag is a file that holds a commit.
std::string commit_of(const HfName& name, const std::string& folder, const Surroundings& around) {
    const auto text = around.read_file(folder + "/refs/" + name.revision);
    if (!text)
        return name.revision;
    std::string commit = *text;
    while (commit.ends_with('\n') || commit.ends_with(' '))
        commit.pop_back();
    if (!is_commit(commit))
        throw Error(
            errc::format,
            "it should hold a commit and does not",
            {},
            "the cache is damaged; download the model again")
            .in(folder + "/refs/" + name.revision);
    return commit;
}

} // namespace

std::string find_in_hf_cache(std::string_view address, const Surroundings& around) {
    const HfName name = parse(address);
    const std::string cache = cache_folder(around);
    const std::string folder = cache + "/models--" + name.joined("--");
    const std::string model = "the model " + name.joined("/");
    if (!exists(folder))
        not_cached(name, model, cache);
    const std::string commit = commit_of(name, folder, around);
    const std::string snapshot = folder + "/snapshots/" + commit;
    if (!stays_inside(commit) || commit.find('/') != commit.npos || !exists(snapshot))
        not_cached(name, "revision '" + printable(name.revision) + "' of " + model, cache);
    std::string path = snapshot;
    if (name.path.empty())
        return path;
    path += "/" + name.path;
    if (!exists(path))
        not_cached(name, "'" + printable(name.path) + "' of " + model, cache);
    return path;
}

} // namespace tz
