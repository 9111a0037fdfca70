// Tensors from memory into a file that is planned. Used by one thread.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/engine/save.hpp>
#include <tz/engine/save_manifest.hpp>
#include <tz/engine/save_settings.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tz {

/// The specs. errc::usage where a tensor's data is not as long as its spec says.
std::vector<format::TensorSpec> specs_of(std::span<const TensorView> tensors);

/// Whether the first header is written with its length. Where that is zero, readers that go from
/// header to header end before it.
enum class FirstHeader { whole, without_length };

/// Data and headers of the last `tensors.size()` tensors of `layout`, and the terminator. Headers
/// go to `manifest` too, which may be null.
void write_tensors(
    NewFile& file,
    const format::Layout& layout,
    std::span<const TensorView> tensors,
    const SaveSettings& settings,
    FirstHeader first_header,
    SaveManifest* manifest = nullptr);

} // namespace tz
