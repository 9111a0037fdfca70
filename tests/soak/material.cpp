#include "material.hpp"

#include <tz/engine/save.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/format/name.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <set>

namespace tz::soak {

namespace {

/// A few tensors on both sides of a chunk, many small ones, and one that has many chunks.
std::vector<std::size_t> sizes_of(std::size_t shape) {
    if (shape == 0)
        return {1000, 300'000, 0, 70'000};
    if (shape == 2)
        return {700'000, 3};
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < 40; ++i)
        sizes.push_back(i * i * 7 % 5000);
    return sizes;
}

format::Sha256 sha256_of(std::span<const std::byte> bytes) {
    format::Sha256 digest{};
    static_assert(sizeof digest == 32);
    ::EVP_Digest(
        bytes.data(),
        bytes.size(),
        reinterpret_cast<unsigned char*>(digest.data()),
        nullptr,
        EVP_sha256(),
        nullptr);
    return digest;
}

} // namespace

bool is_sealed(Content content) {
    return content == Content::sealed || content == Content::gathered;
}

Material::Material() {
    for (std::size_t shape = 0; shape < shapes; ++shape) {
        samples_.emplace_back(sizes_of(shape), shape * 1000 + 1);
        for (std::size_t content = 0; content < contents; ++content)
            make(static_cast<Content>(content), shape);
    }
}

SaveOptions Material::saving(Content content) const {
    SaveOptions saving;
    if (content == Content::plain || content == Content::safetensors)
        saving.crc32 = saving.sha256 = false;
    if (content == Content::packed) {
        saving.sha256 = false;
        saving.alignment = 1;
    }
    if (is_sealed(content))
        saving.key = key_;
    if (content == Content::gathered)
        saving.piece_bytes = 96'000;
    return saving;
}

void Material::make(Content content, std::size_t shape) {
    const auto number = static_cast<std::size_t>(content);
    File& file = files_[number][shape];
    file.path = folder_ / ("made-" + std::to_string(number) + "-" + std::to_string(shape));
    const test::Sample& sample = samples_[shape];
    if (content == Content::safetensors) {
        std::vector<SafetensorsView> views;
        for (const TensorView& view : sample.views)
            views.push_back({{view.spec.name, "U8", view.spec.shape, view.spec.bytes}, view.data});
        save_safetensors(file.path, views);
    } else {
        save(file.path, sample.views, saving(content));
    }
    file.object = test::held_object(test::read_file(file.path));
}

const std::string& Material::path(Content content, std::size_t shape) const {
    return files_[static_cast<std::size_t>(content)][shape].path;
}

const test::Object& Material::object(Content content, std::size_t shape) const {
    return files_[static_cast<std::size_t>(content)][shape].object;
}

const std::vector<std::byte>* Material::data(const std::string& name, std::size_t shape) const {
    const auto& views = samples_[shape].views;
    const auto found = std::ranges::find(
        views, name, [](const TensorView& view) -> const std::string& { return view.spec.name; });
    return found == views.end() ? nullptr : &samples_[shape].data[found - views.begin()];
}

std::string Material::difference(const format::Layout& layout, std::size_t shape) const {
    if (layout.tensors.size() != samples_[shape].views.size())
        return "another number of tensors";
    std::set<std::string> names;
    for (const format::Tensor& tensor : layout.tensors) {
        const auto* expected = data(tensor.name, shape);
        if (expected == nullptr || !names.insert(tensor.name).second ||
            tensor.shape != std::vector<std::uint64_t>{expected->size()} ||
            tensor.bytes != expected->size() || tensor.dtype.name != "uint8")
            return "another name, type or shape: " + format::display_name(tensor.name);
    }
    return {};
}

std::string Material::difference(
    const format::Layout& layout,
    const std::vector<std::span<std::byte>>& tensors,
    std::size_t shape) const {
    if (const std::string other = difference(layout, shape); !other.empty())
        return other;
    if (tensors.size() != layout.tensors.size())
        return "another number of tensors";
    for (std::size_t i = 0; i < tensors.size(); ++i)
        if (!std::ranges::equal(tensors[i], *data(layout.tensors[i].name, shape)))
            return "other bytes in " + layout.tensors[i].name;
    return {};
}

std::string Material::difference(
    const format::Layout& layout,
    const std::vector<format::Sha256>& digests,
    std::size_t shape) const {
    if (const std::string other = difference(layout, shape); !other.empty())
        return other;
    if (digests.size() != layout.tensors.size())
        return "another number of hashes";
    for (std::size_t i = 0; i < digests.size(); ++i)
        if (digests[i] != sha256_of(*data(layout.tensors[i].name, shape)))
            return "another hash of " + layout.tensors[i].name;
    return {};
}

} // namespace tz::soak
