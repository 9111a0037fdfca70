// Loads to GPUs, where tzio was built with CUDA's toolkit.
#pragma once

#include <tz/format/hash.hpp>
#include <tz/tools/loading.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tz::cli {

/// What one GPU got.
struct OnDevice {
    std::uint64_t bytes = 0; ///< of tensors
    std::uint64_t copied_bytes = 0;
    double copy_seconds = 0; ///< while a copy to it was under way
};

/// Tensors on GPUs, and what they took.
struct OnDevices {
    std::vector<OnDevice> each; ///< as they were named
    std::string bound;          ///< what kept the load from being faster, in a sentence
    std::uint64_t pinned_bytes = 0;
    std::uint64_t copies = 0;
    std::uint64_t opened_bytes = 0;      ///< decrypted there
    std::shared_ptr<const void> tensors; ///< for checksums_on_devices()
};

/// Throws `tz::Error` (errc::usage) where a GPU is to decrypt what doesn't go to one.
void check_decrypt_on(const Options& options);

/// As `load_files()`, to `options.devices`. Throws `tz::Error` (errc::unsupported) where this build
/// has no CUDA.
LoadedInputs load_to_devices(const Options& options, const LoadOptions& load, OnDevices& devices);

/// SHA-256 of what the devices have of each tensor, read back; by file, as the layouts list them.
std::vector<std::vector<format::Sha256>> checksums_on_devices(const OnDevices& devices);

} // namespace tz::cli
