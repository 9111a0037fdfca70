#include "device.hpp"

#ifdef TZ_WITH_CUDA

#include <tz/cuda/device_load.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/fake_cudart.hpp>

#include <cuda_runtime_api.h>

#include <string>

namespace tz::soak {

namespace {

std::string join(const std::vector<std::string>& violations) {
    std::string text;
    for (const std::string& violation : violations)
        text += violation + "; ";
    return text;
}

/// Seen from the fake runtime, which forgets all that when it is made anew.
void note_what_is_left(const test::FakeCudart& cuda, Outcome& outcome) {
    outcome.wrong += join(cuda.violations());
    if (cuda.device_bytes() != 0 || cuda.pinned_bytes() != 0)
        outcome.left = std::to_string(cuda.device_bytes()) + " bytes of the device and " +
                       std::to_string(cuda.pinned_bytes()) + " pinned";
}

void load_and_read_back(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    const LoadOptions& options,
    std::size_t shape,
    const Material& material,
    Outcome& outcome) {
    const cuda::DeviceLoaded loaded = cuda::load_to_device(engine, {&source, 1}, options, {});
    const format::Layout& layout = loaded.files.at(0).layout;
    std::vector<std::vector<std::byte>> copies;
    std::vector<std::span<std::byte>> spans;
    for (const cuda::DeviceTensor& tensor : loaded.on_device.at(0)) {
        auto& copy = copies.emplace_back(tensor.bytes);
        if (!copy.empty())
            cuda::copy_to_host(tensor.device, tensor.data, copy);
        spans.emplace_back(copy);
    }
    outcome.wrong += material.difference(layout, spans, shape);
}

} // namespace

bool has_device() {
    return true;
}

void load_to_fake_device(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    const LoadOptions& options,
    const Plan& plan,
    const Material& material,
    Outcome& outcome) {
    test::FakeCudart cuda;
    cuda.set_delays(200, plan.seed + plan.number);
    if (plan.device_fault)
        cuda.fail(
            std::string(plan.device_fault->name), plan.device_fault->nth, cudaErrorInvalidValue);
    try {
        load_and_read_back(engine, source, options, plan.shape, material, outcome);
    } catch (...) {
        note_what_is_left(cuda, outcome);
        throw;
    }
    note_what_is_left(cuda, outcome);
}

std::vector<std::string_view> device_calls_that_fail() {
    return {
        "cudaGetDeviceCount",
        "cudaSetDevice",
        "cudaFree",
        "cudaMemGetInfo",
        "cudaMalloc",
        "cudaHostRegister",
        "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags",
        "cudaEventRecord",
        "cudaEventQuery",
        "cudaMemcpyAsync",
    };
}

bool load_with_failing_device(
    std::string_view call, unsigned nth, const Material& material, Outcome& outcome) {
    test::FakeCudart cuda;
    cuda.fail(std::string(call), nth, cudaErrorInvalidValue);
    bool met = false;
    note_errors(outcome, [&] {
        EngineOptions options;
        options.chunk_bytes = 64 << 10;
        options.workers = 1;
        Engine engine(options);
        const auto source = open_file(material.path(Content::hashed, 0));
        const std::shared_ptr<const Source> one = source;
        const cuda::DeviceLoaded loaded = cuda::load_to_device(engine, {&one, 1}, {}, {});
        outcome.wrong += material.difference(loaded.files.at(0).layout, 0);
    });
    met = cuda.calls(std::string(call)) >= nth;
    const bool frees = call == "cudaFree" || call == "cudaSetDevice";
    if (met && frees && !outcome.error) // it was the block that was not freed: nobody can, then
        outcome.wrong += join(cuda.violations());
    else
        note_what_is_left(cuda, outcome);
    return met;
}

} // namespace tz::soak

#else

namespace tz::soak {

bool has_device() {
    return false;
}

void load_to_fake_device(
    Engine&,
    const std::shared_ptr<const Source>&,
    const LoadOptions&,
    const Plan&,
    const Material&,
    Outcome&) {}

std::vector<std::string_view> device_calls_that_fail() {
    return {};
}

bool load_with_failing_device(std::string_view, unsigned, const Material&, Outcome&) {
    return false;
}

} // namespace tz::soak

#endif
