// Paths are compared as byte strings, so that a file of many deep names costs little memory: each
// key is a mark (0 for a string, 1 for a position) and its characters raised by 2, which UTF-8 has
// room for. Sorted by bytes, all paths below one place stand together, a path that is a prefix of
// others stands right before them, and strings come before positions. So every breach of the rules
// shows between two neighbours.
#include <tz/format/error.hpp>
#include <tz/format/name_tree.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace tz::format {

namespace {

constexpr char string_mark = 0;
constexpr char position_mark = 1;

// All encoded paths in one block of memory.
class Encoded {
public:
    explicit Encoded(std::size_t paths) { ends_.reserve(paths); }

    void append(std::span<const Key> path) {
        for (const Key& key : path) {
            const auto* const text = std::get_if<std::string>(&key);
            append_key(
                text ? string_mark : position_mark,
                text ? *text : std::to_string(std::get<std::uint64_t>(key)));
        }
        ends_.push_back(bytes_.size());
    }

    std::size_t size() const { return ends_.size(); }

    std::string_view operator[](std::size_t index) const {
        const std::size_t start = index == 0 ? 0 : ends_[index - 1];
        return std::string_view(bytes_).substr(start, ends_[index] - start);
    }

private:
    void append_key(char mark, std::string_view text) {
        bytes_ += mark;
        for (const char c : text)
            bytes_ += static_cast<char>(c + 2);
    }

    std::string bytes_;
    std::vector<std::size_t> ends_;
};

bool mark(char c) {
    return c == string_mark || c == position_mark;
}

// What is wrong between two neighbours in sorted order, or null.
const char* clash(std::string_view first, std::string_view second) {
    const auto [a, b] = std::mismatch(first.begin(), first.end(), second.begin(), second.end());
    if (a == first.end()) {
        if (b == second.end())
            return "occurs twice";
        return mark(*b) ? "stands in the place of a branch with other tensors" : nullptr;
    }
    return mark(*a) && mark(*b) ? "stands among both names and positions" : nullptr;
}

using LabelOf = std::function<std::string(std::size_t)>;

std::optional<NameProblem> find_clash(const Encoded& paths, const LabelOf& label) {
    std::vector<std::pair<std::string_view, std::size_t>> sorted(paths.size());
    for (std::size_t i = 0; i < sorted.size(); ++i)
        sorted[i] = {paths[i], i};
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        const char* const problem = clash(sorted[i - 1].first, sorted[i].first);
        if (problem == nullptr)
            continue;
        const std::size_t index = std::max(sorted[i - 1].second, sorted[i].second);
        return NameProblem{index, label(index) + " " + problem};
    }
    return {};
}

// Plain names can't be prefixes of one another, so equal ones are all there is to find. Sorting by
// hash is quicker than sorting by text, and unlike a hash table has no slow inputs. Half of a hash
// does: names that share one are compared.
std::optional<NameProblem> find_duplicate(std::span<const std::string_view> names) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted(names.size());
    for (std::uint32_t i = 0; i < names.size(); ++i)
        sorted[i] = {static_cast<std::uint32_t>(std::hash<std::string_view>{}(names[i])), i};
    std::sort(sorted.begin(), sorted.end());
    for (auto first = sorted.begin(); first != sorted.end();) {
        const auto last = std::find_if(
            first, sorted.end(), [&](const auto& entry) { return entry.first != first->first; });
        if (last - first > 1) {
            std::sort(first, last, [&](const auto& a, const auto& b) {
                return std::pair(names[a.second], a.second) < std::pair(names[b.second], b.second);
            });
            const auto twin = std::adjacent_find(first, last, [&](const auto& a, const auto& b) {
                return names[a.second] == names[b.second];
            });
            if (twin != last) {
                const std::size_t index = std::next(twin)->second;
                return NameProblem{index, tensor_label(names[index]) + " occurs twice"};
            }
        }
        first = last;
    }
    return {};
}

} // namespace

std::optional<NameProblem> find_name_problem(std::span<const std::string_view> names) {
    const auto plain = [](std::string_view name) {
        return !name.empty() && !name.starts_with('\x1e') && valid_utf8(name);
    };
    if (std::all_of(names.begin(), names.end(), plain))
        return find_duplicate(names);

    Encoded paths(names.size());
    Path path;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (const char* const problem = read_name(names[i], path))
            return NameProblem{i, tensor_label(names[i]) + ": the name " + problem};
        paths.append(path);
    }
    return find_clash(paths, [&](std::size_t i) { return tensor_label(names[i]); });
}

std::optional<NameProblem> find_path_problem(std::span<const Path> paths) {
    Encoded encoded(paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const bool valid = std::all_of(paths[i].begin(), paths[i].end(), [](const Key& key) {
            const auto* const text = std::get_if<std::string>(&key);
            return text == nullptr || valid_utf8(*text);
        });
        if (paths[i].empty())
            return NameProblem{i, "a tensor's name has no keys"};
        if (!valid)
            return NameProblem{i, "a tensor's name is not valid UTF-8"};
        encoded.append(paths[i]);
    }
    return find_clash(encoded, [&](std::size_t i) { return tensor_label(store_name(paths[i])); });
}

} // namespace tz::format
