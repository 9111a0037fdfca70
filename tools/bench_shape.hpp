// What models of a given size hold, as the real ones are built: names, types and shapes of tensors,
// and the configuration that transformers makes the model from. Pure.
#pragma once

#include <tz/format/tensorizer.hpp>
#include <tz/tools/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tz::bench {

/// Least bytes of a model with a shape: below, the smallest layers of some kinds don't fit.
inline constexpr std::uint64_t shape_bytes_min = 4'000'000;

struct ModelShape {
    std::vector<format::TensorSpec> tensors;
    cli::Json config; ///< of config.json; null where transformers has no such model

    std::uint64_t bytes() const;
};

/// "llama", "gpt-j", "opt", "moe", "many-small", "one-large".
const std::vector<std::string>& shape_names();

/// A model of about `bytes`. Layers and their width are scaled together, with the proportions of
/// the real models; the vocabulary takes what is left. Throws `tz::Error` (errc::usage) for another
/// name, and for less than shape_bytes_min.
ModelShape model_shape(const std::string& name, std::uint64_t bytes);

} // namespace tz::bench
