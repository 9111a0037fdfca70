#include "core.hpp"
#include <tz/engine/save.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/dtype.hpp>
#include <tz/format/name.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/spelling.hpp>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <optional>
#include <span>

namespace tzio {

namespace {

/// (name, dtype, shape, address, bytes, element bytes): memory that Python holds during the call.
tz::TensorView view_of(nb::handle tensor) {
    const auto parts = nb::cast<nb::tuple>(tensor);
    Described made = described(parts, 1);
    tz::TensorView view;
    view.spec.name = tz::format::store_name({nb::cast<std::string>(parts[0])});
    view.spec.dtype_code = std::move(made.dtype_code);
    view.spec.shape = std::move(made.shape);
    view.spec.bytes = made.bytes;
    view.data = made.data;
    return view;
}

tz::SafetensorsView safetensors_view_of(nb::handle tensor) {
    const auto parts = nb::cast<nb::tuple>(tensor);
    Described made = described(parts, 1);
    tz::SafetensorsView view;
    view.spec.name = nb::cast<std::string>(parts[0]);
    tz::format::Tensor spelt;
    spelt.name = view.spec.name;
    spelt.dtype = tz::format::parse_dtype(made.dtype_code, 0);
    spelt.shape = std::move(made.shape);
    spelt.bytes = made.bytes;
    const tz::format::Spelling spelling = tz::format::spell_for_safetensors(spelt);
    view.spec.dtype = spelling.dtype;
    view.spec.shape = spelling.shape;
    view.spec.bytes = made.bytes;
    view.data = made.data;
    return view;
}

void save_tensors(
    const std::string& path,
    const nb::list& tensors,
    const std::optional<nb::bytes>& key,
    const std::optional<nb::bytes>& password) {
    std::vector<tz::TensorView> views;
    for (const nb::handle tensor : tensors)
        views.push_back(view_of(tensor));
    tz::SaveOptions options;
    options.key = secret_of(key);
    options.password = secret_of(password);
    const nb::gil_scoped_release others;
    tz::save(path, views, options);
}

std::vector<std::string> save_safetensors(
    const std::string& path,
    const nb::list& tensors,
    const nb::dict& metadata,
    std::optional<std::uint64_t> shard_bytes_max) {
    std::vector<tz::SafetensorsView> views;
    for (const nb::handle tensor : tensors)
        views.push_back(safetensors_view_of(tensor));
    tz::SaveSafetensorsOptions options;
    for (const auto& [name, text] : metadata)
        options.file.metadata.emplace_back(
            nb::cast<std::string>(name), nb::cast<std::string>(text));
    options.shard_bytes_max = shard_bytes_max;
    const nb::gil_scoped_release others;
    return tz::save_safetensors(path, views, options);
}

} // namespace

Described described(const nb::tuple& parts, std::size_t first) {
    Described made;
    made.dtype_code = tz::format::tensors_code(
        nb::cast<std::string>(parts[first]), nb::cast<std::uint32_t>(parts[first + 4]));
    made.shape = nb::cast<std::vector<std::uint64_t>>(parts[first + 1]);
    made.bytes = nb::cast<std::uint64_t>(parts[first + 3]);
    made.meta = parts[first + 2].is_none();
    if (!made.meta)
        made.data = {
            reinterpret_cast<const std::byte*>(nb::cast<std::uintptr_t>(parts[first + 2])),
            made.bytes};
    return made;
}

std::shared_ptr<const tz::format::Secret> secret_of(const std::optional<nb::bytes>& secret) {
    if (!secret)
        return nullptr;
    const auto* const data = static_cast<const std::byte*>(secret->data());
    return std::make_shared<tz::format::Secret>(std::span(data, secret->size()));
}

void bind_save(nb::module_& module) {
    module.def(
        "save_tensors",
        &save_tensors,
        nb::arg("path"),
        nb::arg("tensors"),
        nb::arg("key").none(),
        nb::arg("password").none(),
        nb::sig("def save_tensors(path: str, tensors: list[tuple[str, str, tuple[int, ...], int, "
                "int, int]], "
                "key: bytes | None, password: bytes | None) -> None"));
    module.def(
        "save_safetensors",
        &save_safetensors,
        nb::arg("path"),
        nb::arg("tensors"),
        nb::arg("metadata"),
        nb::arg("shard_bytes_max").none(),
        nb::sig("def save_safetensors(path: str, tensors: list[tuple[str, str, tuple[int, ...], "
                "int, int, int]], "
                "metadata: dict[str, str], shard_bytes_max: int | None) -> list[str]"));
}

} // namespace tzio
