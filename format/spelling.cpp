#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/spelling.hpp>

#include <algorithm>

namespace tz::format {

namespace {

// safetensors counts elements of 4 bits, torch pairs of them.
constexpr std::string_view packed_code = "F4";
constexpr std::string_view packed_pair = "float4_e2m1fn_x2";

[[noreturn]] void refuse(const Tensor& tensor, const char* format) {
    throw Error(
        errc::unsupported,
        tensor_label(tensor.name) + ": " + format + " files have no dtype '" +
            printable(tensor.dtype.name) + "'",
        {},
        "leave the tensor out, or convert it to another dtype");
}

bool in_pairs(const Tensor& tensor) {
    return tensor.dtype.code == packed_code && !tensor.shape.empty() &&
           tensor.shape.back() % 2 == 0;
}

} // namespace

Spelling spell_for_tensors(const Tensor& tensor) {
    if (in_pairs(tensor)) {
        Spelling spelling{tensors_code(packed_pair, 1), tensor.shape};
        spelling.shape.back() /= 2;
        return spelling;
    }
    const DType& dtype = tensor.dtype;
    if (dtype.bits == 0 || dtype.bits % 8 != 0)
        refuse(tensor, ".tensors");
    const std::string code = tensors_code(dtype.name, dtype.bits / 8);
    // a name that is none: of a type that safetensors does not know, or torch lacks
    const auto known = safetensors_dtypes();
    const bool unnamed =
        dtype.name == dtype.code && std::ranges::none_of(known, [&](const KnownDType& type) {
            return type.name == dtype.name;
        });
    if (unnamed)
        refuse(tensor, ".tensors");
    return {code, tensor.shape};
}

Spelling spell_for_safetensors(const Tensor& tensor) {
    if (tensor.dtype.name == packed_pair && !tensor.shape.empty()) {
        Spelling spelling{std::string(packed_code), tensor.shape};
        spelling.shape.back() *= 2;
        return spelling;
    }
    for (const KnownDType& type : safetensors_dtypes())
        if (type.name == tensor.dtype.name && type.bits == tensor.dtype.bits)
            return {std::string(type.code), tensor.shape};
    refuse(tensor, "safetensors");
}

} // namespace tz::format
