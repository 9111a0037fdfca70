#include <tz/format/error.hpp>
#include <tz/format/json_reader.hpp>
#include <tz/format/name.hpp>
#include <tz/format/shard_index.hpp>

#include <algorithm>
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

/// Reads one list.
class ListReader {
public:
    explicit ListReader(std::span<const std::byte> text) : json_(text, 0, "the list of shards") {}

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
        const std::string_view shard = json_.read_text(value, "its shard");
        if (!plain_file_name(shard))
            json_.fail(
                "its shard '" + printable(shard) + "' is no name of a file beside the list", at);
        const auto known = shards_.emplace(shard, static_cast<std::uint32_t>(shards_.size()));
        if (shards_.size() > shards_max)
            json_.fail(
                "the list has more than " + std::to_string(shards_max) + " shards",
                at,
                errc::limit,
                "write the model anew with larger ones");
        index_.tensors.push_back({store_name({std::string(tensor)}), known.first->second});
        places_.push_back(at);
        json_.about({});
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
        std::vector<std::pair<ShardIndex::Entry, std::uint64_t>> placed;
        placed.reserve(places_.size());
        for (std::size_t i = 0; i < places_.size(); ++i)
            placed.emplace_back(std::move(index_.tensors[i]), places_[i]);
        std::ranges::sort(placed, [](const auto& a, const auto& b) {
            const int less = a.first.tensor.compare(b.first.tensor);
            return less != 0 ? less < 0 : a.second < b.second;
        });
        for (std::size_t i = 0; i < placed.size(); ++i) {
            if (i > 0 && placed[i].first.tensor == index_.tensors[i - 1].tensor)
                json_.fail(
                    tensor_label(placed[i].first.tensor) + " stands in the list twice",
                    placed[i].second);
            index_.tensors[i] = std::move(placed[i].first);
        }
    }

    JsonReader json_;
    ShardIndex index_;
    std::map<std::string, std::uint32_t, std::less<>> shards_;
    std::vector<std::uint64_t> places_; ///< of the tensors' names
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
    return ListReader(text).run();
}

void check_shards(const ShardIndex& index, std::span<const Layout> shards) {
    std::vector<char> found(index.tensors.size());
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        for (const Tensor& tensor : shards[i].tensors) {
            const auto entry = std::ranges::lower_bound(
                index.tensors, tensor.name, {}, &ShardIndex::Entry::tensor);
            if (entry == index.tensors.end() || entry->tensor != tensor.name)
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
        tensor_label(entry.tensor) + " is not in " + printable(index.shards[entry.shard]) +
        ", where the list has it");
}

} // namespace tz::format
