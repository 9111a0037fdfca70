#include "core.hpp"
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace tzio {

namespace {

/// What DLPack calls types that everyone who takes it knows.
const std::unordered_map<std::string_view, nb::dlpack::dtype> dlpack_types{
    {"bool", {6, 8, 1}},
    {"uint8", {1, 8, 1}},
    {"int8", {0, 8, 1}},
    {"uint16", {1, 16, 1}},
    {"int16", {0, 16, 1}},
    {"uint32", {1, 32, 1}},
    {"int32", {0, 32, 1}},
    {"uint64", {1, 64, 1}},
    {"int64", {0, 64, 1}},
    {"float16", {2, 16, 1}},
    {"float32", {2, 32, 1}},
    {"float64", {2, 64, 1}},
    {"bfloat16", {4, 16, 1}},
    {"complex64", {5, 64, 1}},
    {"complex128", {5, 128, 1}},
};

const tz::format::Tensor& tensor_of(const Loaded& loaded, std::size_t file, std::size_t index) {
    return loaded.files().files.at(file).layout.tensors.at(index);
}

/// A tensor's path of keys: strings, and positions in lists.
nb::tuple path_of(const tz::format::Tensor& tensor) {
    nb::list keys;
    for (const tz::format::Key& key : tz::format::parse_name(tensor.name, tensor.header.offset))
        std::visit([&keys](const auto& each) { keys.append(each); }, key);
    return nb::tuple(keys);
}

/// The path of each tensor of a file, in file order; of a plain name the string alone.
nb::list paths(const Loaded& loaded, std::size_t file) {
    nb::list all;
    for (const tz::format::Tensor& tensor : loaded.files().files.at(file).layout.tensors) {
        if (tensor.name.starts_with('\x1e'))
            all.append(path_of(tensor));
        else
            all.append(tensor.name);
    }
    return all;
}

/// Where each tensor of a file is: (offset of its header, offset of its data, bytes of its data).
nb::list ranges(const Loaded& loaded, std::size_t file) {
    nb::list all;
    for (const tz::format::Tensor& tensor : loaded.files().files.at(file).layout.tensors)
        all.append(nb::make_tuple(tensor.header.offset, tensor.header.end(), tensor.data.bytes));
    return all;
}

template <typename Hash>
nb::object bytes_of(const Hash& hash) {
    return nb::bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
}

/// What stands in a tensor's own header: (module index, CRC-32, SHA-256, what the hashes cover
/// before the data, (passes, memory, salt) of its key's password), None for what isn't there.
nb::tuple header(const Loaded& loaded, std::size_t file, std::size_t index) {
    const tz::format::TensorHeader& parsed = loaded.files().files.at(file).headers.at(index);
    nb::object crc32 = nb::none();
    nb::object sha256 = nb::none();
    nb::object derivation = nb::none();
    if (parsed.crc32)
        crc32 = nb::cast(*parsed.crc32);
    if (parsed.sha256)
        sha256 = bytes_of(*parsed.sha256);
    if (parsed.seal && parsed.seal->derivation) {
        const tz::format::KeyDerivation& from = *parsed.seal->derivation;
        derivation = nb::make_tuple(from.passes, from.memory_bytes, bytes_of(from.salt));
    }
    return nb::make_tuple(parsed.module_index, crc32, sha256, bytes_of(parsed.hashed), derivation);
}

nb::tuple shape_of(const tz::format::Tensor& tensor) {
    nb::list shape;
    for (const std::uint64_t extent : tensor.shape)
        shape.append(extent);
    return nb::tuple(shape);
}

/// As Python has them, where each is a key.
std::vector<std::string> names_of(const tz::format::Layout& layout) {
    std::vector<std::string> names;
    std::set<std::string> known; // which names of a file can't make slow
    for (const tz::format::Tensor& tensor : layout.tensors) {
        names.push_back(tz::format::key_name(tensor.name));
        if (!known.insert(names.back()).second)
            throw tz::Error(
                tz::errc::unsupported,
                "two tensors have names that are the key '" + tz::printable(names.back()) + "'",
                {},
                "write the file with other names; `tz load` takes these");
    }
    return names;
}

/// (name, dtype, shape, bytes, kind) of each tensor of a file, in file order.
nb::list tensors(const Loaded& loaded, std::size_t file) {
    nb::list all;
    const tz::format::Layout& layout = loaded.files().files.at(file).layout;
    const std::vector<std::string> names = names_of(layout);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const tz::format::Tensor& tensor = layout.tensors[i];
        all.append(nb::make_tuple(
            names[i],
            tensor.dtype.name,
            shape_of(tensor),
            tensor.bytes,
            static_cast<int>(tensor.kind)));
    }
    return all;
}

/// What keeps the memory of a tensor.
nb::capsule keeper_of(const Held& tensor) {
    auto owner = std::make_unique<std::shared_ptr<const void>>(tensor.memory);
    nb::capsule keeps(owner.get(), [](void* held) noexcept {
        delete static_cast<std::shared_ptr<const void>*>(held);
    });
    owner.release();
    return keeps;
}

/// As a DLPack capsule or, by `nb::array_api`, an object that makes them; either keeps the memory,
/// and is complete for all streams. And whether it is the tensor itself, or its bytes in a row, for
/// who takes it to look at otherwise.
template <typename... Framework>
nb::tuple exported(const Loaded& loaded, std::size_t file, std::size_t index) {
    const tz::format::Tensor& described = tensor_of(loaded, file, index);
    const auto type = dlpack_types.find(described.dtype.name);
    // a safetensors file may give any size to a name that its format doesn't have
    const bool known = type != dlpack_types.end() && type->second.bits == described.dtype.bits;
    std::vector<std::size_t> shape(described.shape.begin(), described.shape.end());
    if (!known)
        shape = {described.bytes};
    const nb::dlpack::dtype bytes{1, 8, 1};
    const Held held = loaded.held(file, index);
    const nb::ndarray<Framework...> array(
        held.data,
        shape.size(),
        shape.data(),
        keeper_of(held),
        nullptr,
        known ? type->second : bytes,
        loaded.device() ? nb::device::cuda::value : nb::device::cpu::value,
        loaded.device().value_or(0));
    return nb::make_tuple(nb::cast(array), known);
}

/// Python's collector of cycles looks at every object of the process whenever a quarter more have
/// come to be, and tensors that are being made are no cycles.
class WithoutCollections {
public:
    WithoutCollections() : were_on_(PyGC_Disable() != 0) {}

    ~WithoutCollections() {
        if (were_on_)
            PyGC_Enable();
    }

    WithoutCollections(const WithoutCollections&) = delete;
    WithoutCollections& operator=(const WithoutCollections&) = delete;

private:
    bool were_on_;
};

/// What `make` makes of the capsule of each tensor of a file; and the indexes of those that are
/// their bytes in a row.
nb::tuple all(const Loaded& loaded, std::size_t file, const nb::callable& make) {
    const WithoutCollections while_they_are_made;
    nb::list tensors;
    nb::list bytes;
    for (std::size_t i = 0; i < loaded.files().files.at(file).layout.tensors.size(); ++i) {
        const nb::tuple made = exported<>(loaded, file, i);
        tensors.append(make(made[0]));
        if (!nb::cast<bool>(made[1]))
            bytes.append(i);
    }
    return nb::make_tuple(tensors, bytes);
}

nb::list names(const Loaded& loaded, std::size_t file) {
    nb::list all;
    for (const std::string& name : names_of(loaded.files().files.at(file).layout))
        all.append(name);
    return all;
}

/// Its bytes, for NumPy and others that know the buffer protocol.
nb::object buffer(const Loaded& loaded, std::size_t file, std::size_t index) {
    if (loaded.device())
        throw nb::buffer_error("a tensor on a device has no buffer");
    const Held held = loaded.held(file, index);
    const std::size_t shape[]{held.bytes};
    return nb::cast(nb::ndarray<nb::array_api, std::uint8_t>(held.data, 1, shape, keeper_of(held)));
}

nb::list metadata(const Loaded& loaded, std::size_t file) {
    nb::list entries;
    for (const auto& [name, text] : loaded.files().files.at(file).layout.metadata)
        entries.append(nb::make_tuple(name, text));
    return entries;
}

nb::list digests(const Loaded& loaded, std::size_t file) {
    nb::list all;
    for (const tz::format::Sha256& digest : loaded.files().files.at(file).digests)
        all.append(nb::bytes(reinterpret_cast<const char*>(digest.data()), digest.size()));
    return all;
}

nb::dict file(const Loaded& loaded, std::size_t index) {
    const tz::format::Layout& layout = loaded.files().files.at(index).layout;
    nb::dict facts;
    facts["format"] =
        layout.format == tz::format::FileFormat::safetensors ? "safetensors" : "tensors";
    facts["version"] = layout.version;
    facts["encrypted"] = layout.encrypted;
    facts["bytes"] = layout.file_bytes;
    facts["index_bytes"] = layout.index_bytes;
    return facts;
}

} // namespace

Held Loaded::held(std::size_t file, std::size_t index) const {
    if (device_)
        return on_device_.at(file).at(index);
    const tz::LoadedFile& from = files_.files.at(file);
    const std::span<std::byte> bytes = from.tensors.at(index);
    return {bytes.data(), bytes.size(), from.memory};
}

void bind_loaded(nb::module_& module) {
    nb::class_<Loaded>(module, "Loaded", "The files of a load, or their layouts alone.")
        .def("__len__", [](const Loaded& loaded) { return loaded.files().files.size(); })
        .def(
            "file",
            &file,
            nb::arg("file"),
            nb::sig("def file(self, file: int) -> dict[str, typing.Any]"))
        .def(
            "tensors",
            &tensors,
            nb::arg("file"),
            nb::sig(
                "def tensors(self, file: int) -> list[tuple[str, str, tuple[int, ...], int, int]]"))
        .def(
            "path",
            [](const Loaded& loaded, std::size_t from, std::size_t index) {
                return path_of(tensor_of(loaded, from, index));
            },
            nb::arg("file"),
            nb::arg("index"),
            nb::sig("def path(self, file: int, index: int) -> tuple[str | int, ...]"))
        .def(
            "paths",
            &paths,
            nb::arg("file"),
            nb::sig("def paths(self, file: int) -> list[str | tuple[str | int, ...]]"))
        .def(
            "ranges",
            &ranges,
            nb::arg("file"),
            nb::sig("def ranges(self, file: int) -> list[tuple[int, int, int]]"))
        .def(
            "header",
            &header,
            nb::arg("file"),
            nb::arg("index"),
            nb::sig("def header(self, file: int, index: int) -> "
                    "tuple[int, int | None, bytes | None, bytes, tuple[int, int, bytes] | None]"))
        .def(
            "metadata",
            &metadata,
            nb::arg("file"),
            nb::sig("def metadata(self, file: int) -> list[tuple[str, str]]"))
        .def(
            "digests",
            &digests,
            nb::arg("file"),
            nb::sig("def digests(self, file: int) -> list[bytes]"))
        .def(
            "all",
            &all,
            nb::arg("file"),
            nb::arg("make"),
            nb::sig("def all(self, file: int, make: typing.Callable[[typing.Any], typing.Any]) -> "
                    "tuple[list[typing.Any], list[int]]"))
        .def("names", &names, nb::arg("file"), nb::sig("def names(self, file: int) -> list[str]"))
        .def(
            "tensor",
            &exported<>,
            nb::arg("file"),
            nb::arg("index"),
            nb::sig("def tensor(self, file: int, index: int) -> tuple[typing.Any, bool]"))
        .def(
            "exporter",
            &exported<nb::array_api>,
            nb::arg("file"),
            nb::arg("index"),
            nb::sig("def exporter(self, file: int, index: int) -> tuple[typing.Any, bool]"))
        .def(
            "buffer",
            &buffer,
            nb::arg("file"),
            nb::arg("index"),
            nb::sig("def buffer(self, file: int, index: int) -> typing.Any"));
}

} // namespace tzio
