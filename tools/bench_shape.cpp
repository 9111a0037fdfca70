#include <tz/format/error.hpp>
#include <tz/tools/bench_architectures.hpp>
#include <tz/tools/bench_shape.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace tz::bench {

namespace {

constexpr std::uint64_t vocabulary_min = 512;
// heads, and what shares them, divide each of these
constexpr std::uint64_t widths[] = {
    64, 128, 256, 512, 1024, 1536, 2048, 2560, 3072, 4096, 5120, 6144, 8192, 12288, 16384};

std::uint64_t sum(const std::vector<format::TensorSpec>& specs) {
    std::uint64_t bytes = 0;
    for (const auto& spec : specs)
        bytes += spec.bytes;
    return bytes;
}

/// A real model has one layer for 128 of width, as Llama 3 8B: the width is taken that comes
/// nearest to that with as many layers as fit.
Scale scale_of(const Architecture& architecture, std::uint64_t bytes) {
    Scale best;
    double best_distance = std::numeric_limits<double>::infinity();
    for (const std::uint64_t width : widths) {
        const std::uint64_t fixed = sum(architecture.tensors({width, 0, vocabulary_min}));
        const std::uint64_t layer = sum(architecture.tensors({width, 1, vocabulary_min})) - fixed;
        if (bytes < fixed + layer)
            break;
        const std::uint64_t layers = (bytes - fixed) / layer;
        const double distance = std::abs(
            std::log2(static_cast<double>(layers * head_width) / static_cast<double>(width)));
        if (distance < best_distance) {
            best_distance = distance;
            best = {width, layers, vocabulary_min};
        }
    }
    const std::uint64_t used = sum(architecture.tensors(best));
    Scale one_more = best;
    ++one_more.vocabulary;
    best.vocabulary += (bytes - used) / (sum(architecture.tensors(one_more)) - used);
    return best;
}

/// 256 bytes to 64 KiB: adapters, quantisation scales, mixtures of very many experts.
ModelShape many_small(std::uint64_t bytes) {
    constexpr std::uint64_t sizes[] = {8192, 64, 16384, 1024, 4096};
    ModelShape shape;
    std::uint64_t left = bytes;
    for (std::size_t i = 0; left >= 4 * sizes[i % 5]; ++i) {
        shape.tensors.push_back(
            tensor_spec(fmt::format("blocks.{}.{}.weight", i / 5, i % 5), float32, {sizes[i % 5]}));
        left -= shape.tensors.back().bytes;
    }
    return shape;
}

/// One layer, whose weight is nearly all of it.
ModelShape one_large(std::uint64_t bytes) {
    constexpr std::uint64_t width = 1024;
    ModelShape shape;
    add_linear(shape.tensors, "linear", bfloat16, bytes / (2 * (width + 1)), width, true);
    return shape;
}

} // namespace

std::uint64_t ModelShape::bytes() const {
    return sum(tensors);
}

const std::vector<std::string>& shape_names() {
    static const std::vector<std::string> names{
        "llama", "gpt-j", "opt", "moe", "many-small", "one-large"};
    return names;
}

ModelShape model_shape(const std::string& name, std::uint64_t bytes) {
    if (bytes < shape_bytes_min)
        throw Error(
            errc::usage,
            fmt::format("a model of {} is too small to have a shape", cli::size_text(bytes)),
            {},
            "give --size 4MB or more");
    for (const Architecture& architecture : architectures())
        if (name == architecture.name) {
            const Scale scale = scale_of(architecture, bytes);
            return {architecture.tensors(scale), architecture.config(scale)};
        }
    if (name == "many-small")
        return many_small(bytes);
    if (name == "one-large")
        return one_large(bytes);
    throw Error(
        errc::usage,
        fmt::format("'{}' is no shape", printable(name)),
        {},
        fmt::format("shapes are {}", fmt::join(shape_names(), ", ")));
}

} // namespace tz::bench
