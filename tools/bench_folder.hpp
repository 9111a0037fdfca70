// A model in every format, in one folder: what the same weights cost in each.
#pragma once

#include <tz/tools/bench_shape.hpp>
#include <tz/tools/bench_taken_back.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tz::bench {

/// Writes into `folder`, which is made where it is missing: model.tensors, model-encrypted.tensors
/// with its new key in model.key, model.safetensors, shards of the same with
/// model.safetensors.index.json, and config.json where transformers knows such a model. The bytes
/// come from `seed`; the key does not. Takes as much memory as the model and four times its size on
/// the disk. Returns the paths, in this order. Throws `tz::Error`: errc::usage, before anything is
/// made, where one of the files exists and `replace` isn't set, else what saving throws.
std::vector<std::string>
write_model_folder(const std::string& folder, ModelShape shape, std::uint64_t seed, bool replace);

/// What that makes in `folder`, which needn't be there yet.
Made made_in_folder(const std::string& folder);

} // namespace tz::bench
