#include "core.hpp"
#include <tz/engine/machine.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/format/name.hpp>
#include <tz/format/seal.hpp>
#include <tz/format/spelling.hpp>

#include <algorithm>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace tzio {

namespace {

/// (passes, memory in bytes, salt of 16 bytes)
tz::format::KeyDerivation derivation_of(const nb::tuple& parts) {
    tz::format::KeyDerivation derivation;
    derivation.passes = nb::cast<std::uint64_t>(parts[0]);
    derivation.memory_bytes = nb::cast<std::uint64_t>(parts[1]);
    const auto salt = nb::cast<nb::bytes>(parts[2]);
    if (salt.size() != derivation.salt.size())
        throw nb::value_error("a salt has 16 bytes");
    std::copy_n(static_cast<const std::byte*>(salt.data()), salt.size(), derivation.salt.begin());
    return derivation;
}

tz::format::Path path_of(nb::handle keys) {
    tz::format::Path path;
    for (const nb::handle key : keys) {
        if (nb::isinstance<nb::str>(key))
            path.emplace_back(nb::cast<std::string>(key));
        else
            path.emplace_back(nb::cast<std::uint64_t>(key));
    }
    return path;
}

/// (keys, kind, module index, dtype, shape, address or None, bytes, element bytes)
tz::TensorView view_of(nb::handle tensor) {
    const auto parts = nb::cast<nb::tuple>(tensor);
    Described made = described(parts, 3);
    tz::TensorView view;
    view.spec.name = tz::format::store_name(path_of(parts[0]));
    view.spec.kind = static_cast<tz::format::TensorKind>(nb::cast<std::uint8_t>(parts[1]));
    view.spec.module_index = nb::cast<std::uint16_t>(parts[2]);
    view.spec.dtype_code = std::move(made.dtype_code);
    view.spec.shape = std::move(made.shape);
    view.spec.bytes = made.bytes;
    view.spec.meta = made.meta;
    view.data = made.data;
    return view;
}

tz::SaveSession make_session(
    const std::string& path,
    bool in_place,
    std::uint64_t region_bytes,
    const std::optional<nb::bytes>& key,
    const std::optional<nb::tuple>& derivation) {
    tz::SaveOptions options;
    options.region_bytes_min = region_bytes;
    options.key = secret_of(key);
    if (derivation)
        options.key_derivation = derivation_of(*derivation);
    return tz::SaveSession(
        path, options, in_place ? tz::Existing::overwritten : tz::Existing::replaced);
}

void add(tz::SaveSession& session, const nb::list& tensors) {
    std::vector<tz::TensorView> views;
    for (const nb::handle tensor : tensors)
        views.push_back(view_of(tensor));
    const nb::gil_scoped_release others;
    session.add(views);
}

nb::bytes derive_key(
    const nb::bytes& password,
    const nb::tuple& parts,
    std::optional<unsigned> max_passes,
    std::optional<std::uint64_t> max_memory) {
    const tz::format::Secret secret(
        std::span(static_cast<const std::byte*>(password.data()), password.size()));
    const tz::format::KeyDerivation derivation = derivation_of(parts);
    tz::format::DerivationLimits limits;
    limits.passes = max_passes.value_or(limits.passes);
    limits.memory_bytes = max_memory.value_or(limits.memory_bytes);
    std::optional<tz::format::Secret> key;
    {
        const nb::gil_scoped_release others;
        tz::format::check_derivation(derivation, tz::memory_available(), limits);
        key = tz::format::derive_key(secret, derivation);
    }
    return nb::bytes(key->bytes().data(), key->bytes().size());
}

} // namespace

void bind_session(nb::module_& module) {
    nb::class_<tz::SaveSession>(module, "SaveSession")
        .def(
            "add",
            &add,
            nb::arg("tensors"),
            nb::sig("def add(self, tensors: list[tuple[tuple[str | int, ...], int, int, str, "
                    "tuple[int, ...], "
                    "int | None, int, int]]) -> None"));
    module.def(
        "save_session",
        &make_session,
        nb::arg("path"),
        nb::arg("in_place"),
        nb::arg("region_bytes"),
        nb::arg("key").none(),
        nb::arg("derivation").none(),
        nb::sig("def save_session(path: str, in_place: bool, region_bytes: int, key: bytes | None, "
                "derivation: tuple[int, int, bytes] | None) -> SaveSession"));
    module.def(
        "derive_key",
        &derive_key,
        nb::arg("password"),
        nb::arg("derivation"),
        nb::arg("kdf_max_passes").none() = nb::none(),
        nb::arg("kdf_max_memory").none() = nb::none(),
        nb::sig("def derive_key(password: bytes, derivation: tuple[int, int, bytes], "
                "kdf_max_passes: int | None = None, kdf_max_memory: int | None = None) -> bytes"));
}

} // namespace tzio
