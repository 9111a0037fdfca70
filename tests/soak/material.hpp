// The files that schedules load and save, made once; and what is right for them.
#pragma once

#include "plan.hpp"
#include <tz/engine/load.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/http_object.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tz::soak {

/// Not changed once made: any thread.
class Material {
public:
    Material();

    const std::string& path(Content content, std::size_t shape) const;
    /// The whole file, as a server has it.
    const test::Object& object(Content content, std::size_t shape) const;

    const test::Sample& sample(std::size_t shape) const { return samples_[shape]; }

    const std::shared_ptr<const format::Secret>& key() const { return key_; }

    /// A place for a file that goes with the material.
    std::string place(const std::string& name) const { return folder_ / name; }

    /// How a file of that content is saved.
    SaveOptions saving(Content content) const;

    /// "" if the layout has the sample's tensors, in any order; else what is different.
    std::string difference(const format::Layout& layout, std::size_t shape) const;
    /// "" if the file has, and these are, the sample's tensors.
    std::string difference(
        const format::Layout& layout,
        const std::vector<std::span<std::byte>>& tensors,
        std::size_t shape) const;
    std::string difference(
        const format::Layout& layout,
        const std::vector<format::Sha256>& digests,
        std::size_t shape) const;
    /// What the tensor of that name holds; null if the sample has none.
    const std::vector<std::byte>* data(const std::string& name, std::size_t shape) const;

private:
    struct File {
        std::string path;
        test::Object object;
    };

    void make(Content content, std::size_t shape);

    test::TempFolder folder_;
    std::shared_ptr<const format::Secret> key_ = test::sample_key();
    std::vector<test::Sample> samples_;
    std::array<std::array<File, shapes>, contents> files_;
};

bool is_sealed(Content content);

} // namespace tz::soak
