#include <tz/format/error.hpp>
#include <tz/format/json_reader.hpp>
#include <tz/format/name.hpp>
#include <tz/format/shard_index.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace tz::format {

namespace {

constexpr const char* list_hint = "give the *.safetensors.index.json of the model";

bool plain_file_name(std::string_view name) {
    constexpr std::size_t bytes_max = 255;
    const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    return !name.empty() && name.size() <= bytes_max && name != "." && name != ".." &&
           name.find_first_of("/\\") == name.npos && std::ranges::none_of(name, control);
}

// An entry without names, and the comma before it; it has four quotes and a colon.
constexpr std::string_view shortest_entry = R"(,"":"s")";

/// No more than these are in the list.
std::size_t count_entries_max(std::span<const std::byte> text) {
    const auto count = [text](char c) {
        return static_cast<std::size_t>(std::ranges::count(text, static_cast<std::byte>(c)));
    };
    return std::min({count(':'), count('"') / 4, text.size() / shortest_entry.size()});
}

/// Reads one list.
class ListReader {
public:
    explicit ListReader(std::span<const std::byte> text) : json_(text, 0, "the list of shards") {
        index_.tensors.reserve(count_entries_max(text));
    }

    ShardIndex run() {
        json_.read_root([this](std::string_view name, std::uint64_t at, JsonReader::Value value) {
            if (name != "weight_map")
                return json_.skip(value); // sizes, for people
            if (map_at_)
                json_.fail("weight_map stands twice", at);
            map_at_ = at;
            json_.read_object(
                value,
                "weight_map",
                [this](std::string_view tensor, std::uint64_t tensor_at, JsonReader::Value shard) {
                    add(tensor, tensor_at, shard);
                });
        });
        if (!map_at_)
            json_.fail("there is no weight_map", 0, errc::format, list_hint);
        if (index_.tensors.empty())
            json_.fail("weight_map is empty", *map_at_, errc::format, list_hint);
        sort_shards();
        sort_tensors();
        return std::move(index_);
    }

private:
    void add(std::string_view tensor, std::uint64_t at, JsonReader::Value value) {
        json_.about(tensor);
        const std::uint32_t shard = number_of(json_.read_text(value, "its shard"), at);
        const std::string name = store_name({std::string(tensor)});
        index_.tensors.push_back(
            {static_cast<std::uint32_t>(index_.names.size()),
             static_cast<std::uint32_t>(name.size()),
             shard,
             static_cast<std::uint32_t>(at)});
        index_.names += name;
        json_.about({});
    }

    /// Of the shard, in the order in which they come.
    std::uint32_t number_of(std::string_view shard, std::uint64_t at) {
        if (last_ != shards_.end() && last_->first == shard) // as most have it
            return last_->second;
        if (!plain_file_name(shard))
            json_.fail("its shard " + quoted(shard) + " is no name of a file beside the list", at);
        last_ = shards_.find(shard);
        if (last_ == shards_.end())
            last_ = shards_.emplace(shard, static_cast<std::uint32_t>(shards_.size())).first;
        if (shards_.size() > shards_max)
            json_.fail(
                "the list has more than " + std::to_string(shards_max) + " shards",
                at,
                errc::limit,
                "write the model anew with larger ones");
        return last_->second;
    }

    /// Until now they are numbered as they came.
    void sort_shards() {
        std::vector<std::uint32_t> place(shards_.size());
        for (const auto& [name, number] : shards_) {
            place[number] = static_cast<std::uint32_t>(index_.shards.size());
            index_.shards.push_back(name);
        }
        for (ShardIndex::Entry& entry : index_.tensors)
            entry.shard = place[entry.shard];
    }

    void sort_tensors() {
        auto& tensors = index_.tensors;
        std::ranges::sort(tensors, [this](const auto& a, const auto& b) {
            const int less = index_.name(a).compare(index_.name(b));
            return less != 0 ? less < 0 : a.at < b.at;
        });
        const auto same = [this](const auto& a, const auto& b) {
            return index_.name(a) == index_.name(b);
        };
        const auto twice = std::ranges::adjacent_find(tensors, same);
        if (twice != tensors.end())
            json_.fail(
                tensor_label(index_.name(*twice)) + " stands in the list twice",
                std::next(twice)->at);
    }

    using Shards = std::map<std::string, std::uint32_t, std::less<>>;

    JsonReader json_;
    ShardIndex index_;
    Shards shards_;
    Shards::iterator last_ = shards_.end();
    std::optional<std::uint64_t> map_at_;
};

[[noreturn]] void refuse(const std::string& problem) {
    throw Error(
        errc::format,
        problem,
        {},
        "list and shards are of different versions; fetch all of them again, or give the shards");
}

} // namespace

ShardIndex parse_shard_index(std::span<const std::byte> text) {
    if (text.size() > shard_index_bytes_max)
        throw Error(
            errc::limit,
            "the list of shards has " + std::to_string(text.size()) + " bytes, the limit is " +
                std::to_string(shard_index_bytes_max),
            shard_index_bytes_max,
            list_hint);
    return ListReader(text).run();
}

void check_shards(const ShardIndex& index, std::span<const Layout> shards) {
    const auto name_of = [&](const ShardIndex::Entry& entry) { return index.name(entry); };
    std::vector<char> found(index.tensors.size());
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        for (const Tensor& tensor : shards[i].tensors) {
            const auto entry =
                std::ranges::lower_bound(index.tensors, std::string_view(tensor.name), {}, name_of);
            if (entry == index.tensors.end() || name_of(*entry) != tensor.name)
                refuse(
                    tensor_label(tensor.name) + " is in " + printable(index.shards[i]) +
                    " and not in the list");
            if (entry->shard != i)
                refuse(
                    tensor_label(tensor.name) + " is in " + printable(index.shards[i]) +
                    " and by the list in " + printable(index.shards[entry->shard]));
            found[static_cast<std::size_t>(entry - index.tensors.begin())] = 1;
        }
    }
    const auto missing = std::ranges::find(found, 0);
    if (missing == found.end())
        return;
    const auto& entry = index.tensors[static_cast<std::size_t>(missing - found.begin())];
    refuse(
        tensor_label(index.name(entry)) + " is not in " + printable(index.shards[entry.shard]) +
        ", where the list has it");
}

} // namespace tz::format
