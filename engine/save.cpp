#include <tz/engine/file_target.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/memory_tensors.hpp>
#include <tz/engine/save.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/engine/save_settings.hpp>
#include <tz/engine/save_sink.hpp>
#include <tz/engine/save_tensors.hpp>
#include <tz/format/error.hpp>

#include <utility>

namespace tz {

namespace {

// Below it, starting threads takes longer than they save.
constexpr std::uint64_t lanes_min_bytes = 16 << 20;

/// Whether lanes are worth it, and bring whole pieces.
bool pays_for_lanes(std::span<const TensorView> tensors, const SaveOptions& options) {
    if (options.like_pip || format::usual_piece_bytes % options.piece_bytes != 0)
        return false;
    std::uint64_t bytes = 0;
    for (const TensorView& tensor : tensors)
        bytes += tensor.data.size();
    return bytes >= lanes_min_bytes;
}

/// One file, in which the tensors stand in the order in which they are given.
SavePlan
plan_of(const std::string& path, std::span<const TensorView> tensors, format::Layout layout) {
    SavePlan plan;
    plan.tensors.resize(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        plan.tensors[i].place = static_cast<std::uint32_t>(i);
        plan.tensors[i].module_index = tensors[i].spec.module_index;
    }
    auto head = format::write_index(layout);
    plan.files.push_back({path, std::move(layout), std::move(head)});
    return plan;
}

void save_with_lanes(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options) {
    SaveSink::Setup setup;
    setup.settings = save_settings(options);
    const format::WriteOptions& write = setup.settings.write;
    setup.plan = [&, write](std::span<const Item>, std::uint64_t) {
        SavePlan plan = plan_of(path, tensors, format::plan_file(specs_of(tensors), write));
        plan.piece_bytes = write.piece_bytes;
        return plan;
    };
    setup.make_target = [](const std::string& name) {
        return file_target(name, Existing::replaced);
    };
    SaveSink sink(std::move(setup));
    Engine engine;
    LoadOptions load_options;
    load_options.memory = Memory::none;
    load_options.sink = &sink;
    load(engine, memory_tensors(path, tensors), load_options);
}

} // namespace

void save(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options) {
    if (!pays_for_lanes(tensors, options))
        return SaveSession(path, options).add(tensors);
    try {
        specs_of(tensors); // before anything goes by their sizes
        save_with_lanes(path, tensors, options);
    } catch (const Error& error) {
        throw error.in(path);
    }
}

} // namespace tz
