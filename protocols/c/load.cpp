#include <tz/format/name.hpp>
#include <tz/protocols/c/handles.hpp>
#include <tz/protocols/model.hpp>

#include <utility>

using namespace tz;
using namespace tz::c;

tz_tensor::tz_tensor(std::size_t from, const format::Tensor& described)
    : name(format::display_name(described.name)),
      dtype(printable(described.dtype.name)),
      tensor(&described),
      file(from) {}

tz_loaded::tz_loaded(LoadedFiles result, bool holds) : loaded(std::move(result)) {
    files.resize(loaded.files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
        const LoadedFile& from = loaded.files[i];
        auto& [tensors, by_name] = files[i];
        tensors.reserve(from.layout.tensors.size());
        for (const format::Tensor& described : from.layout.tensors) {
            const std::size_t index = tensors.size();
            tz_tensor& tensor = tensors.emplace_back(i, described);
            if (!from.tensors.empty())
                tensor.data = from.tensors[index].data();
            if (holds)
                tensor.memory = from.memory;
        }
        for (const tz_tensor& tensor : tensors)
            by_name.emplace(tensor.name, &tensor);
    }
    const LoadStats& from = loaded.stats;
    stats.bytes = from.bytes;
    stats.tensors = from.tensors;
    stats.seconds = from.seconds;
    stats.cpu_seconds = from.cpu_seconds;
    stats.staging_bytes = from.staging_bytes;
    stats.read_bytes = from.read_bytes;
    stats.direct_bytes = from.direct_bytes;
    stats.mapped_bytes = from.mapped_bytes;
    stats.retries = from.retries;
    stats.loops = from.loops;
    stats.workers = from.workers;
    stats.lanes = from.lanes;
    stats.chunk_bytes = from.chunk_bytes;
    stats.requests = from.requests;
    stats.connections = from.connections;
    stats.throttles = from.throttles;
    explanation = explain(from);
}

namespace {

Model open_all(
    tz_engine& engine,
    const char* const* uris,
    std::size_t count,
    const tz_load_options& with,
    const LoadOptions& how) {
    demand(uris, "the list of paths and URIs");
    std::vector<std::string> addresses;
    for (std::size_t i = 0; i < count; ++i) {
        demand(uris[i], "a path or URI");
        addresses.emplace_back(uris[i]);
    }
    return open_model(engine.engine, addresses, with.network, with.direct, engine.log, how);
}

const tz_loaded::File* file_of(const tz_loaded* loaded, std::size_t file) {
    return loaded != nullptr && file < loaded->files.size() ? &loaded->files[file] : nullptr;
}

} // namespace

tz_status tz_load(
    tz_engine* engine,
    const char* const* uris,
    size_t uri_count,
    const tz_load_options* options,
    tz_loaded** loaded,
    tz_error** error) {
    if (loaded != nullptr)
        *loaded = nullptr;
    return guarded(error, [&] {
        demand(engine, "the engine");
        static const tz_load_options none;
        const tz_load_options& with = options != nullptr ? *options : none;
        if (with.failure)
            std::rethrow_exception(with.failure);
        LoadOptions how = with.options;
        how.begun = std::chrono::steady_clock::now();
        how.memory = how.destination ? Memory::given : with.memory;
        const Model model = open_all(*engine, uris, uri_count, with, how);
        how.check_layouts = model.check;
        LoadedFiles result = load(engine->engine, model.sources, how);
        if (loaded != nullptr)
            *loaded = new tz_loaded(std::move(result), how.memory != Memory::given);
    });
}

void tz_loaded_destroy(tz_loaded* loaded) {
    delete loaded;
}

size_t tz_loaded_files(const tz_loaded* loaded) {
    return loaded != nullptr ? loaded->files.size() : 0;
}

size_t tz_loaded_tensors(const tz_loaded* loaded, size_t file) {
    const auto* from = file_of(loaded, file);
    return from != nullptr ? from->tensors.size() : 0;
}

const tz_tensor* tz_loaded_tensor(const tz_loaded* loaded, size_t file, size_t index) {
    const auto* from = file_of(loaded, file);
    return from != nullptr && index < from->tensors.size() ? &from->tensors[index] : nullptr;
}

const tz_tensor* tz_loaded_find(const tz_loaded* loaded, size_t file, const char* name) {
    const auto* from = file_of(loaded, file);
    if (from == nullptr || name == nullptr)
        return nullptr;
    const auto found = from->by_name.find(name);
    return found != from->by_name.end() ? found->second : nullptr;
}

const tz_stats* tz_loaded_stats(const tz_loaded* loaded) {
    return loaded != nullptr ? &loaded->stats : nullptr;
}

const char* tz_loaded_explain(const tz_loaded* loaded) {
    return loaded != nullptr ? loaded->explanation.c_str() : "";
}

const char* tz_tensor_name(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->name.c_str() : "";
}

const char* tz_tensor_stored_name(const tz_tensor* tensor, size_t* bytes) {
    static const std::string none;
    const std::string& name = tensor != nullptr ? tensor->tensor->name : none;
    if (bytes != nullptr)
        *bytes = name.size();
    return name.c_str();
}

const char* tz_tensor_dtype(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->dtype.c_str() : "";
}

size_t tz_tensor_element_bytes(const tz_tensor* tensor) {
    const std::size_t bits = tz_tensor_element_bits(tensor);
    return bits % 8 == 0 ? bits / 8 : 0;
}

size_t tz_tensor_element_bits(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->tensor->dtype.bits : 0;
}

size_t tz_tensor_dimensions(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->tensor->shape.size() : 0;
}

const uint64_t* tz_tensor_shape(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->tensor->shape.data() : nullptr;
}

uint64_t tz_tensor_bytes(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->tensor->bytes : 0;
}

void* tz_tensor_data(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->data : nullptr;
}

size_t tz_tensor_file(const tz_tensor* tensor) {
    return tensor != nullptr ? tensor->file : 0;
}

tz_hold* tz_tensor_hold(const tz_tensor* tensor) {
    if (tensor == nullptr || tensor->memory == nullptr)
        return nullptr;
    auto* hold = create<tz_hold>();
    if (hold != nullptr)
        hold->memory = tensor->memory;
    return hold;
}

void tz_hold_destroy(tz_hold* hold) {
    delete hold;
}
