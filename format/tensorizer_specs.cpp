#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/name.hpp>
#include <tz/format/name_tree.hpp>
#include <tz/format/tensorizer_specs.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tz::format {

namespace {

constexpr std::uint64_t short_dimension_max = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void refuse(std::string problem) {
    throw Error(errc::usage, std::move(problem));
}

[[noreturn]] void
refuse(const TensorSpec& spec, const std::string& problem, std::string hint = {}) {
    throw Error(errc::usage, tensor_label(spec.name) + ": " + problem, {}, std::move(hint));
}

void check_spec_names(std::span<const TensorSpec> specs, std::span<const Tensor> others) {
    std::vector<std::string_view> names;
    names.reserve(others.size() + specs.size());
    for (const Tensor& tensor : others)
        names.push_back(tensor.name);
    for (const TensorSpec& spec : specs) {
        if (spec.name.size() > std::numeric_limits<std::uint16_t>::max())
            refuse(spec, "the name has more than 65535 bytes");
        names.push_back(spec.name);
    }
    if (const auto problem = find_name_problem(names))
        refuse(problem->text);
    for (const TensorSpec& spec : specs)
        if (!name_fits(spec.name, spec.kind))
            refuse(spec, "only state-dict tensors can have structured names");
}

DType spec_dtype(const TensorSpec& spec) {
    if (spec.dtype_code.size() > std::numeric_limits<std::uint8_t>::max())
        refuse(spec, "the dtype has more than 255 bytes");
    try {
        return parse_dtype(spec.dtype_code, 0);
    } catch (const Error&) { // which speaks of a place in a file
        refuse(spec, "dtype '" + printable(spec.dtype_code) + "' cannot be written");
    }
}

// What the file will hold of a tensor's data in a file just like pip's.
std::uint64_t stored_like_pip(const TensorSpec& spec, bool encrypted) {
    if (spec.meta && spec.shape.empty())
        refuse(
            spec,
            "pip's writer puts whatever was in memory into meta tensors without dimensions",
            "give it data, or don't write like pip");
    if (spec.meta)
        return 0;
    if (encrypted && spec.bytes == 0)
        refuse(
            spec, "pip's writer can't put an empty tensor into an encrypted file", "leave it out");
    return spec.bytes;
}

std::uint64_t stored(const TensorSpec& spec, const DType& dtype, const WriteOptions& options) {
    if (options.like_pip)
        return stored_like_pip(spec, options.encrypted);
    if (spec.bytes == 0)
        return opaque(dtype) ? 1 : 0;     // or pip can't open the file
    if (!spec.meta || spec.shape.empty()) // pip can't read such a scalar without data
        return spec.bytes;
    if (opaque(dtype))
        refuse(
            spec,
            "pip's tensorizer can't open a file that holds a meta tensor of this dtype",
            "give it data, or write like pip, which makes such files");
    return 0;
}

// The tensor without its place.
Tensor spec_tensor(const TensorSpec& spec, const WriteOptions& options) {
    Tensor tensor;
    tensor.name = spec.name;
    tensor.kind = spec.kind;
    tensor.dtype = spec_dtype(spec);
    tensor.shape = spec.shape;
    tensor.bytes = spec.bytes;
    if (spec.shape.size() > dimensions_max)
        refuse(spec, "more than 64 dimensions");
    if (shape_bytes(spec.shape, tensor.dtype.bits / 8) != spec.bytes)
        refuse(spec, std::to_string(spec.bytes) + " bytes do not fit its dtype and shape");
    tensor.long_dimensions = std::any_of(
        spec.shape.begin(), spec.shape.end(), [](auto size) { return size > short_dimension_max; });
    tensor.data.bytes = stored(spec, tensor.dtype, options);
    return tensor;
}

// The smallest version that holds the tensor, as pip counts: an empty meta tensor needs one for
// meta tensors though it looks like any other.
std::uint32_t version_for(const TensorSpec& spec, const Tensor& tensor) {
    if (tensor.long_dimensions)
        return 5;
    if (spec.meta && !spec.shape.empty())
        return 4;
    return opaque(tensor.dtype) ? 2 : 1;
}

} // namespace

bool any_long(std::span<const Tensor> tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const Tensor& tensor) {
        return tensor.long_dimensions;
    });
}

Specified check_specs(
    std::span<const TensorSpec> specs,
    const WriteOptions& options,
    std::span<const Tensor> others) {
    if (specs.empty() && others.empty())
        refuse("a file needs at least one tensor");
    if (others.size() > tensors_max || specs.size() > tensors_max - others.size())
        throw Error(errc::limit, "too many tensors for one file");
    check_spec_names(specs, others);
    Specified specified;
    specified.version = options.encrypted ? 3 : 1;
    specified.tensors.reserve(specs.size());
    for (const TensorSpec& spec : specs) {
        const Tensor& tensor = specified.tensors.emplace_back(spec_tensor(spec, options));
        specified.version = std::max(specified.version, version_for(spec, tensor));
    }
    return specified;
}

} // namespace tz::format
