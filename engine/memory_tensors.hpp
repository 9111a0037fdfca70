// Tensors in the caller's memory as a Source, so that lanes can save them.
#pragma once

#include <tz/engine/save.hpp>
#include <tz/engine/source.hpp>

#include <memory>
#include <span>
#include <string>

namespace tz {

/// `name` is for errors. The views and their memory, which is only read, outlive it. Throws
/// `tz::Error` for a dtype that a `.tensors` file can't have.
std::shared_ptr<const Source> memory_tensors(std::string name, std::span<const TensorView> tensors);

} // namespace tz
