#include <tz/engine/numbered_name.hpp>
#include <tz/engine/save_plan.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/safetensors_write.hpp>
#include <tz/format/spelling.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <variant>

namespace tz {

namespace {

using format::FileFormat;
using format::Tensor;

/// Where the items of one file begin and end.
struct Group {
    std::size_t begin;
    std::size_t end;
};

/// Whether a safetensors file can have the name as it is: one key, not a path.
bool is_flat(const format::Path& path) {
    return path.size() == 1 && std::holds_alternative<std::string>(path.front());
}

/// A `.tensors` file's name as a safetensors file has it.
std::string flat_name(const std::string& stored) {
    const format::Path path = format::parse_name(stored, 0);
    return is_flat(path) ? std::get<std::string>(path.front()) : format::display_name(stored);
}

/// The tensor as it is written, by the names of the format it comes from.
Tensor cast_tensor(const Item& item, const OutputOptions& options) {
    Tensor tensor = *item.tensor;
    const auto from = format::float_type(tensor.dtype.name);
    if (!options.floats || !from || *from == *options.floats)
        return tensor;
    const std::uint32_t bytes = format::bytes_of(*options.floats);
    tensor.bytes = tensor.bytes / format::bytes_of(*from) * bytes;
    tensor.dtype.bits = 8 * bytes;
    tensor.dtype.name = format::name_of(*options.floats);
    tensor.dtype.code = tensor.dtype.name;
    return tensor;
}

class Planner {
public:
    Planner(
        std::span<const Item> items,
        const std::string& destination,
        const OutputOptions& options,
        std::uint64_t cut_bytes)
        : items_(items),
          destination_(destination),
          options_(options) {
        plan_.tensors.resize(items.size());
        for (std::size_t i = 0; i < items.size(); ++i)
            take(i);
        plan_.piece_bytes = piece_bytes(cut_bytes);
    }

    SavePlan plan() {
        const std::vector<Group> groups = group();
        const std::vector<std::string> names = file_names(groups.size());
        for (std::size_t i = 0; i < groups.size(); ++i) {
            if (options_.format == FileFormat::tensors)
                plan_tensors_file(groups[i], names[i]);
            else
                plan_safetensors_file(groups[i], names[i]);
        }
        if (options_.format == FileFormat::safetensors && groups.size() > 1 && !pattern_)
            plan_list(groups, names);
        say_what_is_lost();
        return std::move(plan_);
    }

private:
    void take(std::size_t index) {
        const Item& item = items_[index];
        tensors_.push_back(cast_tensor(item, options_));
        const auto from = format::float_type(item.tensor->dtype.name);
        if (!options_.floats || !from || *from == *options_.floats)
            return;
        plan_.tensors[index].cast = {*from, *options_.floats};
        // what comes in one part must be whole pieces after it has shrunk, too
        const std::uint64_t ratio = format::bytes_of(*from) / format::bytes_of(*options_.floats);
        shrinks_ = std::max(shrinks_, ratio);
    }

    std::vector<Group> group() const {
        std::vector<Group> groups;
        std::uint64_t bytes = 0;
        const bool by_source = pattern_ && !options_.shard_bytes_max;
        for (std::size_t i = 0; i < items_.size(); ++i) {
            bytes += tensors_[i].bytes;
            const bool full = options_.shard_bytes_max && bytes > *options_.shard_bytes_max;
            const bool other = by_source && i > 0 && items_[i].source != items_[i - 1].source;
            if (groups.empty() || full || other) {
                groups.push_back({i, i});
                bytes = tensors_[i].bytes;
            }
            groups.back().end = i + 1;
        }
        if (groups.empty())
            groups.push_back({0, 0});
        return groups;
    }

    std::vector<std::string> file_names(std::size_t count) const {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < count; ++i) {
            if (pattern_)
                names.push_back(pattern_->with(i));
            else
                names.push_back(
                    count == 1 ? destination_ : format::shard_name(destination_, i + 1, count));
        }
        return names;
    }

    void plan_tensors_file(const Group& group, const std::string& name) {
        std::vector<format::TensorSpec> specs;
        for (std::size_t i = group.begin; i < group.end; ++i) {
            const Tensor& tensor = tensors_[i];
            const format::Spelling spelling = format::spell_for_tensors(tensor);
            format::TensorSpec spec;
            spec.name = stored_name(i);
            spec.kind = tensor.kind;
            spec.dtype_code = spelling.dtype;
            spec.shape = spelling.shape;
            spec.bytes = tensor.bytes;
            spec.meta = tensor.meta();
            specs.push_back(std::move(spec));
        }
        format::WriteOptions write = options_.tensors;
        write.piece_bytes = plan_.piece_bytes;
        add_file(name, format::plan_file(specs, write));
        plan_.files.back().head = format::write_index(plan_.files.back().layout);
        for (std::size_t i = group.begin; i < group.end; ++i)
            place(i, i - group.begin);
    }

    /// A part of a tensor must be whole pieces, after it has shrunk too.
    std::uint64_t piece_bytes(std::uint64_t cut_bytes) const {
        const std::uint64_t most = cut_bytes / shrinks_;
        const std::uint64_t wanted = options_.tensors.piece_bytes;
        const std::uint64_t bytes = options_.tensors.like_pip ? wanted : std::min(wanted, most);
        if (options_.tensors.encrypted && most % bytes != 0)
            throw Error(
                errc::usage,
                "sealed pieces of " + std::to_string(bytes) +
                    " bytes do not fill chunks, which hold multiples of " + std::to_string(most),
                {},
                "take larger chunks, or smaller pieces");
        return bytes;
    }

    /// A plain name stays as it is; structured ones are those of `.tensors` files.
    std::string stored_name(std::size_t index) const {
        const std::string& name = tensors_[index].name;
        if (items_[index].layout->format == FileFormat::safetensors)
            return format::store_name({name});
        return name;
    }

    void plan_safetensors_file(const Group& group, const std::string& name) {
        format::SafetensorsOptions header;
        header.alignment = std::max<std::uint64_t>(options_.alignment, 8);
        header.metadata = merged_metadata(group);
        const auto specs = safetensors_specs(group);
        format::SafetensorsPlan planned = format::plan_safetensors(specs, header);
        add_file(name, std::move(planned.layout));
        plan_.files.back().head = std::move(planned.header);
        for (std::size_t place_in_file = 0; place_in_file < planned.order.size(); ++place_in_file)
            place(group.begin + planned.order[place_in_file], place_in_file);
    }

    std::vector<format::SafetensorsSpec> safetensors_specs(const Group& group) const {
        std::vector<format::SafetensorsSpec> specs;
        for (std::size_t i = group.begin; i < group.end; ++i) {
            format::Spelling spelling = format::spell_for_safetensors(tensors_[i]);
            specs.push_back(
                {plain_name(i),
                 std::move(spelling.dtype),
                 std::move(spelling.shape),
                 tensors_[i].bytes});
        }
        return specs;
    }

    std::string plain_name(std::size_t index) const {
        const std::string& name = tensors_[index].name;
        return items_[index].layout->format == FileFormat::safetensors ? name : flat_name(name);
    }

    /// The first file that has a name says what it means; the caller goes before all of them.
    std::vector<std::pair<std::string, std::string>> merged_metadata(const Group& group) {
        auto merged = options_.metadata;
        std::map<std::string, std::string> known(merged.begin(), merged.end());
        const format::Layout* last = nullptr;
        for (std::size_t i = group.begin; i < group.end; ++i) {
            if (items_[i].layout == std::exchange(last, items_[i].layout))
                continue;
            for (const auto& entry : items_[i].layout->metadata) {
                const auto [at, fresh] = known.insert(entry);
                if (fresh)
                    merged.push_back(entry);
                else if (at->second != entry.second)
                    differing_.insert(entry.first);
            }
        }
        return merged;
    }

    void plan_list(const std::vector<Group>& groups, const std::vector<std::string>& names) {
        std::vector<std::vector<format::SafetensorsSpec>> specs;
        std::vector<std::string> plain;
        for (std::size_t i = 0; i < groups.size(); ++i) {
            specs.push_back(safetensors_specs(groups[i]));
            plain.push_back(names[i].substr(names[i].rfind('/') + 1));
        }
        const std::vector<std::span<const format::SafetensorsSpec>> shards(
            specs.begin(), specs.end());
        const std::string text = format::write_shard_index(shards, plain);
        const auto bytes = std::as_bytes(std::span(text));
        format::Layout layout;
        layout.format = FileFormat::safetensors;
        layout.index_bytes = layout.file_bytes = bytes.size();
        add_file(format::shard_list_name(destination_), std::move(layout));
        plan_.files.back().head.assign(bytes.begin(), bytes.end());
    }

    void add_file(const std::string& name, format::Layout layout) {
        plan_.files.push_back({name, std::move(layout), {}});
    }

    void place(std::size_t index, std::size_t place_in_file) {
        plan_.tensors[index].file = static_cast<std::uint32_t>(plan_.files.size() - 1);
        plan_.tensors[index].place = static_cast<std::uint32_t>(place_in_file);
    }

    void say_what_is_lost() {
        std::set<std::string> metadata;
        std::size_t kinds = 0;
        std::size_t structured = 0;
        std::size_t meta = 0;
        bool sealed = false;
        for (const Item& item : items_) {
            for (const auto& [name, text] : item.layout->metadata)
                metadata.insert(name);
            kinds += item.tensor->kind != format::TensorKind::state;
            structured += item.layout->format != FileFormat::safetensors &&
                          !is_flat(format::parse_name(item.tensor->name, 0));
            meta += item.tensor->meta();
            sealed = sealed || item.layout->encrypted;
        }
        if (options_.format == FileFormat::tensors)
            return lose_metadata(metadata);
        lose(differing_.size(), "entries of __metadata__ that differ from file to file");
        lose(kinds, "tensors' kinds (parameter, buffer): safetensors knows none");
        lose(structured, "names that are paths, written as their JSON text");
        lose(meta, "tensors without data, written as zeros");
        if (sealed)
            plan_.lost.emplace_back("the encryption: safetensors has none");
    }

    void lose_metadata(const std::set<std::string>& names) {
        if (names.empty())
            return;
        std::string text = "__metadata__, which .tensors files have no place for:";
        for (const std::string& name : names)
            text += " '" + printable(name) + "'";
        plan_.lost.push_back(std::move(text));
    }

    void lose(std::size_t count, const std::string& what) {
        if (count > 0)
            plan_.lost.push_back(std::to_string(count) + " " + what);
    }

    std::span<const Item> items_;
    const std::string& destination_;
    const OutputOptions& options_;
    const std::optional<NumberedName> pattern_ = NumberedName::parse(destination_);
    std::vector<Tensor> tensors_; ///< as they are written
    std::uint64_t shrinks_ = 1;   ///< the most that a cast shrinks a tensor
    std::set<std::string> differing_;
    SavePlan plan_;
};

} // namespace

SavePlan plan_save(
    std::span<const Item> items,
    const std::string& destination,
    const OutputOptions& options,
    std::uint64_t cut_bytes) {
    return Planner(items, destination, options, cut_bytes).plan();
}

} // namespace tz
