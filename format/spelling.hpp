// How each format spells a dtype, for tensors that go from one to the other. Pure.
#pragma once

#include <tz/format/layout.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::format {

/// A dtype and a shape in the words of one format.
struct Spelling {
    std::string dtype;
    std::vector<std::uint64_t> shape;
};

/// What a `.tensors` file calls elements of `type`: NumPy's code, or a size and torch's name. Two
/// elements of 4 bits are one of torch's `float4_e2m1fn_x2`. Throws `tz::Error` (errc::unsupported)
/// for what has no name that torch knows, naming the tensor.
Spelling spell_for_tensors(const Tensor& tensor);

/// The same for a safetensors file: throws for types that safetensors 0.8 does not know.
Spelling spell_for_safetensors(const Tensor& tensor);

/// NumPy's code or the opaque one for torch's `name` of a whole number of bytes.
std::string tensors_code(std::string_view name, std::uint32_t bytes);

} // namespace tz::format
