#include <tz/engine/new_file.hpp>
#include <tz/engine/save.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>
#include <tz/tools/bench_folder.hpp>
#include <tz/tools/bench_random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <utility>

namespace tz::bench {

namespace {

constexpr std::uint64_t shards = 4;
const std::string shard_begin = "model-";
const std::string shard_end = ".safetensors";

/// The names that are known before anything is written.
struct Names {
    std::string plain, encrypted, key, whole, list, config;

    explicit Names(const std::string& folder)
        : plain(folder + "/model.tensors"),
          encrypted(folder + "/model-encrypted.tensors"),
          key(folder + "/model.key"),
          whole(folder + "/model.safetensors"),
          list(folder + "/model.safetensors.index.json"),
          config(folder + "/config.json") {}

    std::vector<std::string> all() const { return {plain, encrypted, key, whole, list, config}; }
};

void prepare(const std::string& folder, const Names& names, bool replace) {
    std::error_code error;
    for (const std::string& name : names.all())
        if (!replace && std::filesystem::exists(name, error))
            throw Error(errc::usage, "the file exists", {}, "--force replaces it").in(name);
    std::filesystem::create_directories(folder, error);
    if (error || !std::filesystem::is_directory(folder, error))
        throw Error(
            errc::io,
            "cannot make the folder: " + error.message(),
            {},
            "give the name of a folder that can be written")
            .in(folder);
}

/// A model that was there before may have had another number of shards.
void remove_shards(const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(shard_begin) && name.ends_with(shard_end))
            std::filesystem::remove(entry.path());
    }
}

void write_new(const std::string& path, std::span<const std::byte> bytes, bool secret) {
    NewFile file(path, Existing::replaced);
    if (secret)
        file.keep_private();
    file.write(bytes, 0);
    file.sync();
    file.publish();
}

std::string safetensors_name(const std::string& code) {
    static const std::map<std::string, std::string> names{
        {"<f4", "F32"}, {"<f2", "F16"}, {std::string("<V2\0torch.bfloat16", 18), "BF16"}};
    return names.at(code);
}

std::vector<SafetensorsView> safetensors_views(const RandomModel& model) {
    std::vector<SafetensorsView> views;
    for (const TensorView& tensor : model.tensors) {
        const format::TensorSpec& spec = tensor.spec;
        views.push_back(
            {{spec.name, safetensors_name(spec.dtype_code), spec.shape, spec.bytes}, tensor.data});
    }
    return views;
}

std::vector<std::string> write_safetensors(const Names& names, const RandomModel& model) {
    const std::vector<SafetensorsView> views = safetensors_views(model);
    SaveSafetensorsOptions options;
    options.file.metadata = {{"format", "pt"}}; // transformers refuses files without it
    std::vector<std::string> written = save_safetensors(names.whole, views, options);
    options.shard_bytes_max = model.bytes / shards;
    for (std::string& path : save_safetensors(names.whole, views, options))
        written.push_back(std::move(path));
    return written;
}

} // namespace

std::vector<std::string>
write_model_folder(const std::string& folder, ModelShape shape, std::uint64_t seed, bool replace) {
    const Names names(folder);
    prepare(folder, names, replace);
    remove_shards(folder);
    const RandomModel model = random_model(std::move(shape.tensors), seed);
    save(names.plain, model.tensors);
    SaveOptions sealed;
    sealed.key = std::make_shared<const format::Secret>(format::random_key());
    write_new(names.key, sealed.key->bytes(), true);
    save(names.encrypted, model.tensors, sealed);
    std::vector<std::string> written{names.plain, names.encrypted, names.key};
    for (std::string& path : write_safetensors(names, model))
        written.push_back(std::move(path));
    if (shape.config.is_null())
        return written;
    const std::string config = shape.config.dump(2) + "\n";
    write_new(names.config, std::as_bytes(std::span(config)), false);
    written.push_back(names.config);
    return written;
}

Made made_in_folder(const std::string& folder) {
    return {Names(folder).all(), {folder, shard_begin, shard_end}, missing_folders(folder)};
}

} // namespace tz::bench
