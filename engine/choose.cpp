#include <tz/engine/choose.hpp>
#include <tz/engine/plan.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <fnmatch.h>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace tz {

namespace {

[[noreturn]] void unknown_name(const std::string& name) {
    throw Error(
        errc::not_found,
        "there is no tensor '" + printable(name) + "'",
        {},
        "`tz inspect` lists the names");
}

[[noreturn]] void unmatched(const std::string& pattern) {
    throw Error(
        errc::usage,
        "no tensor matches the pattern '" + printable(pattern) + "'",
        {},
        "`tz inspect` lists the names");
}

[[noreturn]] void unwanted(const char* what, const std::string& name) {
    throw Error(
        errc::usage,
        std::string(what) + " names '" + printable(name) +
            "', which is not among the wanted tensors");
}

/// Names as somebody gave them: keys, or where no tensor has such a key, what is shown for a name.
class GivenNames {
public:
    /// `for_each(use)` calls `use` with each tensor that they may mean.
    template <typename ForEach>
    GivenNames(std::span<const std::string> names, ForEach for_each)
        : given_(names.begin(), names.end()) {
        if (given_.empty())
            return;
        for_each([this](const format::Tensor& tensor) {
            if (const auto key = given_.find(format::key_name(tensor.name)); key != given_.end())
                keys_.insert(*key);
        });
    }

    /// By which of them the tensor goes, or null.
    const std::string* of(const format::Tensor& tensor) const {
        if (given_.empty())
            return nullptr;
        const auto key = given_.find(format::key_name(tensor.name));
        if (key != given_.end())
            return &*key;
        const auto shown = given_.find(format::display_name(tensor.name));
        return shown == given_.end() || keys_.contains(*shown) ? nullptr : &*shown;
    }

    /// Whether a tensor has it as its key.
    bool knows(const std::string& name) const { return keys_.contains(name); }

private:
    std::unordered_set<std::string> given_;
    std::unordered_set<std::string> keys_; ///< those of them that are keys
};

/// Names and patterns of them.
class Patterns {
public:
    template <typename ForEach>
    Patterns(std::span<const std::string> patterns, ForEach for_each)
        : patterns_(patterns),
          names_(patterns, for_each) {}

    bool match(const format::Tensor& tensor) {
        if (patterns_.empty())
            return false;
        if (const std::string* const name = names_.of(tensor)) {
            used_.insert(*name);
            return true;
        }
        const std::string text = matched_text(tensor);
        const auto found =
            std::find_if(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
                return matches(pattern, text);
            });
        if (found == patterns_.end())
            return false;
        used_.insert(*found);
        return true;
    }

    /// Refuses patterns that match no tensor at all, be it wanted or not: most are misspelt.
    template <typename ForEach>
    void check_used(ForEach for_each) const {
        for (const std::string& pattern : patterns_) {
            bool used = used_.contains(pattern) || names_.knows(pattern);
            if (!used) // or what it matches was taken by a name or pattern before it
                for_each([&](const format::Tensor& tensor) {
                    const std::string* const name = names_.of(tensor);
                    used = used || (name != nullptr && *name == pattern) ||
                           matches(pattern, matched_text(tensor));
                });
            if (!used)
                unmatched(pattern);
        }
    }

private:
    static std::string matched_text(const format::Tensor& tensor) {
        std::string name = format::key_name(tensor.name);
        if (name.find('\0') != name.npos)
            name = format::display_name(tensor.name); // fnmatch() would see the name's beginning
        return name;
    }

    static bool matches(const std::string& pattern, const std::string& text) {
        return pattern.find('\0') == pattern.npos &&
               ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    }

    std::span<const std::string> patterns_;
    GivenNames names_;
    std::unordered_set<std::string> used_; ///< those that something was seen to match
};

/// Decides tensor by tensor, and knows afterwards which names there were.
class Chooser {
public:
    template <typename ForEach>
    Chooser(const Selection& selection, ForEach for_each)
        : selection_(selection),
          names_(selection.names, for_each),
          include_(selection.include, for_each),
          exclude_(selection.exclude, for_each) {}

    bool wants(const format::Tensor& tensor) {
        const std::string* const name = names_.of(tensor);
        if (name != nullptr)
            found_.insert(*name);
        const bool all = selection_.names.empty() && selection_.include.empty();
        if (!all && name == nullptr && !include_.match(tensor))
            return false;
        if (exclude_.match(tensor))
            return false;
        return !selection_.wanted || selection_.wanted(tensor);
    }

    template <typename ForEach>
    void check_found(ForEach for_each) const {
        for (const std::string& name : selection_.names)
            if (!found_.contains(name))
                unknown_name(name);
        include_.check_used(for_each);
    }

private:
    const Selection& selection_;
    GivenNames names_;
    Patterns include_;
    Patterns exclude_;
    std::unordered_set<std::string> found_;
};

/// For GivenNames.
auto tensors_of(std::span<const Item> items) {
    return [items](auto use) {
        for (const Item& item : items)
            use(*item.tensor);
    };
}

/// Items whose names stand in `order` come first, as they stand there.
void reorder(std::vector<Item>& items, const std::vector<std::string>& order) {
    if (order.empty())
        return;
    const GivenNames names(order, tensors_of(items));
    std::unordered_map<std::string, std::size_t> ranks;
    for (const std::string& name : order)
        ranks.emplace(name, ranks.size());
    std::vector<std::vector<Item>> ranked(ranks.size() + 1);
    for (const Item& item : items) {
        const std::string* const name = names.of(*item.tensor);
        ranked[name == nullptr ? ranks.size() : ranks.at(*name)].push_back(item);
    }
    for (const auto& [name, rank] : ranks)
        if (ranked[rank].empty())
            unwanted("the order", name);
    items.clear();
    for (const auto& of_rank : ranked)
        items.insert(items.end(), of_rank.begin(), of_rank.end());
}

void check_slice(const Slice& slice, const format::Tensor& tensor) {
    const auto& shape = tensor.shape;
    const bool fits = slice.dimension < shape.size() && slice.begin <= slice.end &&
                      slice.end <= shape[slice.dimension];
    if (fits) {
        if (takes_whole_bytes(tensor, slice.dimension, slice.begin, slice.end))
            return;
        throw Error(
            errc::usage,
            "a slice of " + format::tensor_label(tensor.name) + " begins or ends within a byte: " +
                std::to_string(tensor.dtype.bits) + " bits are an element of it");
    }
    std::string dimensions;
    for (const std::uint64_t size : shape)
        dimensions += (dimensions.empty() ? "" : ", ") + std::to_string(size);
    throw Error(
        errc::usage,
        "indices " + std::to_string(slice.begin) + " to " + std::to_string(slice.end) +
            " of dimension " + std::to_string(slice.dimension) + " are not within " +
            format::tensor_label(tensor.name) + ", whose shape is [" + dimensions + "]");
}

std::unordered_map<std::string, const Slice*> by_name(std::span<const Slice> slices) {
    std::unordered_map<std::string, const Slice*> map;
    for (const Slice& slice : slices)
        if (!map.emplace(slice.name, &slice).second)
            throw Error(
                errc::usage, "there is more than one slice of '" + printable(slice.name) + "'");
    return map;
}

} // namespace

std::vector<Item>
choose_items(std::span<const format::Layout> layouts, const Selection& selection) {
    std::vector<Item> items;
    const auto for_each = [layouts](auto use) {
        for (const format::Layout& layout : layouts)
            for (const format::Tensor& tensor : layout.tensors)
                use(tensor);
    };
    Chooser chooser(selection, for_each);
    const bool everything = selection.everything();
    for (std::size_t source = 0; source < layouts.size(); ++source) {
        std::uint32_t place = 0;
        for (const auto& tensor : layouts[source].tensors) {
            if (!everything && !chooser.wants(tensor))
                continue;
            items.push_back(
                whole_item(layouts[source], tensor, static_cast<std::uint32_t>(source)));
            items.back().place = place++;
        }
    }
    chooser.check_found(for_each);
    reorder(items, selection.order);
    return items;
}

void cut_slices(
    std::span<Item> items,
    std::span<const Slice> slices,
    bool whole,
    std::size_t chunk_bytes,
    const std::function<std::uint64_t(const Item&)>& piece_bytes) {
    if (slices.empty())
        return;
    const auto wanted = by_name(slices);
    std::vector<std::string> given;
    for (const Slice& slice : slices)
        given.push_back(slice.name);
    const GivenNames names(given, tensors_of(items));
    std::unordered_set<std::string> found;
    for (Item& item : items) {
        const std::string* const name = names.of(*item.tensor);
        if (name == nullptr)
            continue;
        found.insert(*name);
        const Slice& slice = *wanted.at(*name);
        check_slice(slice, *item.tensor);
        const Runs runs = runs_of(*item.tensor, slice.dimension, slice.begin, slice.end);
        const bool sealed = item.layout->encrypted && item.tensor->data.bytes > 0;
        const std::uint64_t unit = sealed ? piece_bytes(item) : 1;
        take_slice(item, runs, unit, !sealed || sealed_cut_bytes(chunk_bytes) % unit == 0);
        item.dimension = slice.dimension;
        item.extent = slice.end - slice.begin;
        if (whole || runs.total() == item.tensor->data.bytes) {
            item.read = item.tensor->data;
            item.whole = true;
            item.apart = false;
        }
    }
    for (const Slice& slice : slices)
        if (!found.contains(slice.name))
            unwanted("a slice", slice.name);
}

format::Layout
handed_out(const format::Layout& layout, std::span<const Item> items, std::uint32_t source) {
    format::Layout handed;
    handed.format = layout.format;
    handed.version = layout.version;
    handed.encrypted = layout.encrypted;
    handed.file_bytes = layout.file_bytes;
    handed.index_bytes = layout.index_bytes;
    handed.metadata = layout.metadata;
    for (const Item& item : items)
        if (item.source == source)
            handed.tensors.resize(std::max<std::size_t>(handed.tensors.size(), item.place + 1));
    for (const Item& item : items)
        if (item.source == source)
            handed.tensors[item.place] = handed_out(item);
    return handed;
}

} // namespace tz
