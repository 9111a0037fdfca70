// Writing `.tensors` files that pip's tensorizer reads.
#pragma once

#include <tz/engine/save_options.hpp>
#include <tz/format/tensorizer.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace tz {

/// A tensor in the caller's memory, which is only read and must stay until save() returns.
struct TensorView {
    format::TensorSpec spec;
    std::span<const std::byte> data; ///< spec.bytes long; empty where spec.meta is set
};

/// Writes the file under a temporary name beside `path`, makes it durable, and gives it its name:
/// `path` holds the old file or the whole new one. Throws `tz::Error`; then the temporary file is
/// gone.
void save(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options = {});

} // namespace tz
