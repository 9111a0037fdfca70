// What is asked to be written, checked, before it has a place.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tz::format {

struct Specified {
    std::vector<Tensor> tensors; ///< without places; `data.bytes` is what the file will hold
    std::uint32_t version = 1;   ///< the smallest that holds them
};

/// `others` are tensors that the file has already: names must go with theirs. Throws `tz::Error`
/// (errc::usage, errc::limit).
Specified check_specs(
    std::span<const TensorSpec> specs,
    const WriteOptions& options,
    std::span<const Tensor> others = {});

/// Whether entries carry versions of their own, for the sake of one.
bool any_long(std::span<const Tensor> tensors);

} // namespace tz::format
