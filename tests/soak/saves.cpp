// Saves with faults: the new file whole, or what was there before; and nothing beside it.
#include "attempt.hpp"
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/save.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/engine/upload.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/s3_upload.hpp>
#include <tz/tests/support/faults.hpp>
#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/s3_store.hpp>

#include <filesystem>

namespace tz::soak {

namespace {

namespace fs = std::filesystem;

const std::string old_text = "what was there before";
constexpr std::uint64_t part_bytes = 64 << 10;
constexpr const char* stored_at = "/b/saved";

Existing existing(const Plan& plan) {
    return plan.replaces ? Existing::replaced : Existing::refused;
}

/// As for a file that nobody has asked to encrypt otherwise.
ConvertOptions convert_options(const Plan& plan, const Material& material) {
    ConvertOptions options;
    const bool safetensors = plan.content == Content::safetensors;
    options.format = safetensors ? format::FileFormat::safetensors : format::FileFormat::tensors;
    if (!safetensors)
        options.tensors = material.saving(plan.content);
    if (plan.content == Content::gathered)
        options.tensors.piece_bytes = plan.chunk_bytes / 2; // chunks are of whole ones there
    return options;
}

void convert_to(
    const std::string& destination,
    const MakeTarget& make,
    const Plan& plan,
    const Material& material,
    Stopper& stopper) {
    Engine engine(engine_options(plan));
    const std::shared_ptr<const Source> source =
        open_file(material.path(plan.content, plan.shape), plan.direct);
    LoadOptions options = load_options(plan, material, stopper);
    options.digests = false;
    convert(
        engine,
        {&source, 1},
        destination,
        make,
        convert_options(plan, material),
        std::move(options));
}

void save_file(const std::string& path, const Plan& plan, const Material& material) {
    const test::Sample& sample = material.sample(plan.shape);
    if (plan.saving == Saving::tensors)
        return save(path, sample.views, material.saving(plan.content));
    std::vector<SafetensorsView> views;
    for (const TensorView& view : sample.views)
        views.push_back({{view.spec.name, "U8", view.spec.shape, view.spec.bytes}, view.data});
    save_safetensors(path, views);
}

test::Faults counting(Stopper& stopper) {
    test::Faults faults;
    faults.read = [&stopper](const test::ReadCall&) {
        stopper.step();
        return test::ReadFate{};
    };
    return faults;
}

/// What is at `path` after a save that came to `outcome`.
void compare_file(
    const std::string& path, const Plan& plan, const Material& material, Outcome& outcome) {
    const bool there = fs::exists(path);
    const auto bytes = there ? test::read_file(path) : std::vector<std::byte>();
    const auto old = std::as_bytes(std::span(old_text));
    const bool as_before = plan.replaces ? std::ranges::equal(bytes, old) : !there;
    if (outcome.error && as_before)
        return;
    // An error may come after it had its name: from making the name durable.
    const std::string difference = there ? file_difference(path, plan.shape, material) : "no file";
    if (!difference.empty())
        outcome.wrong += "what is there is neither the old file nor the new one: " + difference;
}

void save_to_file(const Plan& plan, const Material& material, Outcome& outcome) {
    const fs::path folder = material.place("saves");
    fs::remove_all(folder);
    fs::create_directory(folder);
    const std::string path = (folder / "saved").string();
    if (plan.replaces)
        test::write_file(path, std::as_bytes(std::span(old_text)));
    {
        Stopper stopper(plan.cancel_at);
        const test::FaultyKernel kernel(counting(stopper));
        const FailingCalls failing(plan.writes);
        note_errors(outcome, [&] {
            if (plan.saving != Saving::convert)
                return save_file(path, plan, material);
            const MakeTarget make = [&](const std::string& name) {
                return std::shared_ptr<Target>(file_target(name, existing(plan)));
            };
            convert_to(path, make, plan, material, stopper);
        });
    }
    compare_file(path, plan, material, outcome);
    outcome.left += others_beside(path);
}

/// Whether the store has exactly what was to be saved.
std::string
stored_difference(const std::string& stored, const Plan& plan, const Material& material) {
    const auto bytes = std::as_bytes(std::span(stored));
    if (plan.saving == Saving::upload_to_s3)
        return std::ranges::equal(bytes, *material.object(plan.content, plan.shape).held)
                   ? ""
                   : "other bytes";
    const std::string path = material.place("stored");
    test::write_file(path, bytes);
    return file_difference(path, plan.shape, material);
}

/// How many uploads may be left: those whose id never came, as the answer was lost, and what could
/// not be removed and was warned of.
std::size_t lost_uploads(const std::vector<test::Request>& requests, bool warned) {
    std::size_t begun = 0;
    bool id_came = false;
    for (const test::Request& request : requests) {
        begun += request.method == "POST" && request.query.starts_with("uploads");
        id_came = id_came || request.query.find("uploadId=") != std::string::npos;
    }
    return begun - (id_came && !warned ? 1 : 0);
}

void compare_store(
    const test::S3Store& store,
    std::size_t lost,
    const Plan& plan,
    const Material& material,
    Outcome& outcome) {
    const auto stored = store.object(stored_at);
    const bool as_before = plan.replaces ? stored == old_text : !stored;
    if (!outcome.error || !as_before) {
        const std::string difference =
            stored ? stored_difference(*stored, plan, material) : "no object";
        if (!difference.empty())
            outcome.wrong += "what is stored is neither old nor new: " + difference;
    }
    if (store.uploads() > (plan.network.rules.empty() ? 0 : lost))
        outcome.left = std::to_string(store.uploads()) + " uploads, without a warning";
}

void upload_or_convert(
    const NetworkOptions& network,
    const Log& log,
    const Plan& plan,
    const Material& material,
    Stopper& stopper) {
    const MakeTarget make = [&](const std::string& name) {
        return s3_target(name, network, existing(plan), log, part_bytes);
    };
    if (plan.saving == Saving::convert_to_s3)
        return convert_to("s3://b/saved", make, plan, material, stopper);
    Engine engine(engine_options(plan));
    UploadOptions options;
    options.deadline = plan.deadline;
    options.stop = stopper.token();
    const auto target = make("s3://b/saved");
    const auto source = open_file(material.path(plan.content, plan.shape), plan.direct);
    upload(engine, source, *target, options);
}

void save_to_s3(const Plan& plan, const Material& material, Outcome& outcome) {
    Stopper stopper(plan.cancel_at);
    test::S3Store store;
    if (plan.replaces)
        store.put(stored_at, old_text);
    test::HttpServerOptions options;
    options.rules = plan.network.rules;
    options.connection_rules = plan.network.connection_rules;
    options.answer = [&](const test::Request& request) {
        stopper.step();
        return store.answer(request);
    };
    std::atomic<bool> warned = false;
    const Log log = [&](LogLevel level, const std::string&) {
        if (level == LogLevel::warning)
            warned = true;
    };
    std::size_t lost = 0;
    {
        test::HttpServer server(std::move(options));
        const NetworkOptions network = network_options(plan, server.url("", ""));
        note_errors(outcome, [&] { upload_or_convert(network, log, plan, material, stopper); });
        lost = lost_uploads(server.requests(), warned);
    } // so that nothing is on its way any more
    compare_store(store, lost, plan, material, outcome);
}

} // namespace

void save_and_compare(const Plan& plan, const Material& material, Outcome& outcome) {
    if (plan.saving >= Saving::convert_to_s3)
        save_to_s3(plan, material, outcome);
    else
        save_to_file(plan, material, outcome);
}

} // namespace tz::soak
