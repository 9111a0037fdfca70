// Loads to GPUs: devices.cpp where CUDA's toolkit was at hand, no_devices.cpp elsewhere.
#pragma once

#include "core.hpp"

namespace tzio {

/// As tz::load(), but to memory of the device; to `places` there, where these are given. Called
/// without the interpreter. Throws `tz::Error`.
std::unique_ptr<Loaded> load_to_device(
    tz::Engine& engine,
    std::span<const std::shared_ptr<const tz::Source>> sources,
    const tz::LoadOptions& options,
    const ToDevice& to,
    const std::optional<Places>& places,
    tz::Log log);

} // namespace tzio
