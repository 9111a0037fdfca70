// Input for measurements: bytes that don't compress, and weights shaped like a real model's.
#pragma once

#include <tz/engine/memory.hpp>
#include <tz/engine/save.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tz::bench {

/// Fast and reproducible; not for keys.
void fill_random(std::span<std::byte> bytes, std::uint64_t seed);

/// A model in memory. Movable; the views stay valid.
struct RandomModel {
    std::unique_ptr<HostMemory> memory;
    std::vector<TensorView> tensors;
    std::uint64_t bytes = 0;
};

/// About `bytes` of random weights. Without `tensor_bytes` they look like a small transformer:
/// layers of matrices from 2 to 16 MiB in bfloat16, norms of a few KiB in float32, and an embedding
/// that takes what is left. Otherwise equal tensors of that size, the last one shorter.
/// The same `seed` gives the same bytes.
RandomModel
random_model(std::uint64_t bytes, std::uint64_t tensor_bytes = 0, std::uint64_t seed = 0);

/// These tensors, likewise.
RandomModel random_model(std::vector<format::TensorSpec> specs, std::uint64_t seed);

} // namespace tz::bench
