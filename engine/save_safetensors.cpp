#include <tz/engine/new_file.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <memory>
#include <utility>

namespace tz {

namespace {

using format::SafetensorsSpec;

std::vector<SafetensorsSpec>
specs_of(const std::string& path, std::span<const SafetensorsView> tensors) {
    std::vector<SafetensorsSpec> specs;
    specs.reserve(tensors.size());
    for (const SafetensorsView& tensor : tensors) {
        if (tensor.data.size() != tensor.spec.bytes)
            throw Error(
                errc::usage,
                format::tensor_label(tensor.spec.name) +
                    ": its data is not as long as its spec says")
                .in(path);
        specs.push_back(tensor.spec);
    }
    return specs;
}

/// What `work` gives; its errors name the file.
template <typename Work>
auto naming(const std::string& path, Work work) {
    try {
        return work();
    } catch (const Error& error) {
        throw error.in(path);
    }
}

/// Files that get their names together.
class NewFiles {
public:
    void
    add(const std::string& path,
        std::span<const SafetensorsView> tensors,
        std::span<const SafetensorsSpec> specs,
        const format::SafetensorsOptions& options) {
        const auto plan = naming(path, [&] { return format::plan_safetensors(specs, options); });
        NewFile& file = begin(path);
        file.write(plan.header, 0);
        for (std::size_t i = 0; i < plan.order.size(); ++i) {
            const format::Range& data = plan.layout.tensors[i].data;
            file.write(tensors[plan.order[i]].data, data.offset);
            file.begin_sync(data.offset, data.bytes);
        }
        file.sync();
    }

    void add(const std::string& path, const std::string& text) {
        NewFile& file = begin(path);
        file.write(std::as_bytes(std::span(text)), 0);
        file.sync();
    }

    std::vector<std::string> publish() {
        std::vector<std::string> paths;
        for (const auto& file : files_) {
            file->publish();
            paths.push_back(file->path());
        }
        return paths;
    }

private:
    NewFile& begin(const std::string& path) {
        files_.push_back(std::make_unique<NewFile>(path, Existing::replaced));
        return *files_.back();
    }

    std::vector<std::unique_ptr<NewFile>> files_;
};

/// What `path` names in its folder.
std::string file_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

} // namespace

std::vector<std::string> save_safetensors(
    const std::string& path,
    std::span<const SafetensorsView> tensors,
    const SaveSafetensorsOptions& options) {
    const auto specs = specs_of(path, tensors);
    const auto shards =
        format::split_into_shards(specs, options.shard_bytes_max.value_or(UINT64_MAX));
    NewFiles files;
    if (shards.size() == 1) {
        files.add(path, tensors, specs, options.file);
        return files.publish();
    }
    std::vector<std::string> paths;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        paths.push_back(format::shard_name(path, i + 1, shards.size()));
        names.push_back(file_name(paths.back()));
    }
    const std::string list_path = format::shard_list_name(path);
    const std::string list =
        naming(list_path, [&] { return format::write_shard_index(shards, names); });
    for (std::size_t i = 0; i < shards.size(); ++i) {
        files.add(paths[i], tensors.first(shards[i].size()), shards[i], options.file);
        tensors = tensors.subspan(shards[i].size());
    }
    files.add(list_path, list);
    return files.publish();
}

} // namespace tz
