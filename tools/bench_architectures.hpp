// The models that shapes are made after, each with its tensors and configuration at any scale.
// Pure.
#pragma once

#include <tz/format/tensorizer.hpp>
#include <tz/tools/json.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tz::bench {

/// Width of an attention head.
inline constexpr std::uint64_t head_width = 128;

/// The sizes that a kind of model is scaled by.
struct Scale {
    std::uint64_t width = 0;
    std::uint64_t layers = 0;
    std::uint64_t vocabulary = 0;

    std::uint64_t heads() const { return std::max<std::uint64_t>(1, width / head_width); }

    /// Of keys and values, where several heads share them.
    std::uint64_t shared_heads() const { return heads() % 4 == 0 ? heads() / 4 : 1; }

    std::uint64_t shared_width() const { return width / heads() * shared_heads(); }

    std::uint64_t inner() const { return width * 7 / 2; }
};

struct Architecture {
    const char* name;
    /// Names and types as the published weights have them.
    std::vector<format::TensorSpec> (*tensors)(const Scale&);
    /// config.json as transformers reads it.
    cli::Json (*config)(const Scale&);
};

std::span<const Architecture> architectures();

/// A type of elements as `.tensors` files spell it.
struct Element {
    std::string code;
    std::uint64_t bytes;
};

format::TensorSpec
tensor_spec(std::string name, const Element& element, std::vector<std::uint64_t> shape);

/// NAME.weight, and NAME.bias where `biased`.
void add_linear(
    std::vector<format::TensorSpec>& specs,
    const std::string& name,
    const Element& element,
    std::uint64_t out,
    std::uint64_t in,
    bool biased = false);

extern const Element bfloat16;
extern const Element float32;

} // namespace tz::bench
