#include <tz/format/name.hpp>
#include <tz/tests/interop/writer_list.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>

namespace tz::interop {

namespace {

using nlohmann::json;

std::vector<std::byte> from_hex(const std::string& digits) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

template <typename Array>
Array array_from_hex(const std::string& digits) {
    const auto bytes = from_hex(digits);
    Array array;
    if (bytes.size() != array.size())
        throw std::runtime_error("a nonce or salt of another length");
    std::ranges::copy(bytes, array.begin());
    return array;
}

std::shared_ptr<const format::Secret> secret(std::span<const std::byte> bytes) {
    return std::make_shared<const format::Secret>(bytes);
}

std::string stored_name(const json& keys) {
    format::Path path;
    for (const json& key : keys) {
        if (key.is_string())
            path.emplace_back(key.get<std::string>());
        else
            path.emplace_back(key.get<std::uint64_t>());
    }
    return format::store_name(path);
}

format::TensorSpec spec_from(const json& tensor) {
    format::TensorSpec spec;
    spec.name = stored_name(tensor.at("path"));
    spec.kind = static_cast<format::TensorKind>(tensor.at("kind").get<int>());
    spec.dtype_code = tensor.at("dtype").get<std::string>();
    spec.shape = tensor.at("shape").get<std::vector<std::uint64_t>>();
    spec.bytes = tensor.at("bytes").get<std::uint64_t>();
    spec.meta = tensor.at("meta").get<bool>();
    spec.module_index = tensor.at("module").get<std::uint16_t>();
    return spec;
}

template <typename T>
void take(const json& options, const char* name, T& value) {
    if (options.contains(name))
        value = options.at(name).get<T>();
}

SaveOptions options_from(const json& given) {
    SaveOptions options;
    take(given, "crc32", options.crc32);
    take(given, "sha256", options.sha256);
    take(given, "like_pip", options.like_pip);
    take(given, "piece_bytes", options.piece_bytes);
    take(given, "region_bytes_min", options.region_bytes_min);
    take(given, "region_reserve", options.region_reserve);
    take(given, "derivation_passes", options.derivation_passes);
    take(given, "derivation_memory_bytes", options.derivation_memory_bytes);
    if (given.contains("alignment"))
        options.alignment = given.at("alignment").get<std::uint64_t>();
    if (given.contains("key"))
        options.key = secret(from_hex(given.at("key").get<std::string>()));
    if (given.contains("password")) {
        const auto password = given.at("password").get<std::string>();
        options.password = secret(std::as_bytes(std::span(password)));
    }
    return options;
}

std::vector<std::byte> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

} // namespace

List read_list(const std::string& list_path, const std::string& data_path) {
    std::ifstream file(list_path);
    const json given = json::parse(file);
    List list;
    list.data = read_file(data_path);
    list.options = options_from(given.at("options"));
    take(given, "parts", list.parts);
    std::size_t at = 0;
    for (const json& tensor : given.at("tensors")) {
        TensorView& view = list.tensors.emplace_back();
        view.spec = spec_from(tensor);
        view.data = std::span(list.data).subspan(at, view.spec.meta ? 0 : view.spec.bytes);
        at += view.data.size();
    }
    if (given.contains("nonces")) {
        for (const json& nonce : given.at("nonces"))
            list.nonces.push_back(
                nonce.is_null() ? std::optional<format::Nonce>()
                                : array_from_hex<format::Nonce>(nonce.get<std::string>()));
        list.derivation.passes = list.options.derivation_passes;
        list.derivation.memory_bytes = list.options.derivation_memory_bytes;
        if (list.options.password)
            list.derivation.salt =
                array_from_hex<decltype(list.derivation.salt)>(given.at("salt").get<std::string>());
    }
    return list;
}

} // namespace tz::interop
