// The public entry: load_to_device() brings the tensors of files to the memory of GPUs, verified
// and decrypted.
#pragma once

#include <tz/cuda/device_error.hpp>
#include <tz/engine/load.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct CUstream_st;

namespace tz::cuda {

/// Who opens sealed data. A tensor whose hashes are to be compared, or whose pieces are below 4 KiB
/// or larger than a chunk, is opened by the CPU in any case.
enum class DecryptOn {
    automatic, ///< the device, where this build can
    cpu,
    device, ///< a kernel, from ciphertext that was copied; a piece counts when its MAC fits
};

/// Whether this build has the kernel that DecryptOn::device takes: nvcc compiles it.
bool decrypts_on_devices();

/// Where a load goes.
struct DeviceOptions {
    /// Numbers of devices, as the process sees them, each once.
    std::vector<int> devices{0};
    /// Which of `devices` a tensor goes to, as an index into them; called before any data is read,
    /// on the thread that called load_to_device(). Left out, each gets about as many bytes.
    std::function<std::size_t(std::size_t file, const format::Tensor& tensor)> map;
    /// Where on that device (its number is `device`) a tensor shall go, called likewise. The memory
    /// has `tensor.bytes` and stays until load_to_device() returns; when that throws, what is not
    /// complete has been overwritten with zeros, as far as the device still answers. Left out, the
    /// load has memory of its own.
    std::function<std::byte*(std::size_t file, const format::Tensor& tensor, int device)>
        destination;
    /// Work that was given to this stream (a `cudaStream_t`) comes before the load writes to the
    /// devices. What is loaded is there for all streams when load_to_device() returns.
    CUstream_st* stream = nullptr;
    DecryptOn decrypt_on = DecryptOn::automatic;
    Log log;
};

/// A tensor on a device.
struct DeviceTensor {
    int device = 0;
    std::byte* data = nullptr; ///< null where it has no bytes
    std::uint64_t bytes = 0;
    std::shared_ptr<const void> memory; ///< keeps it; null where the memory is the caller's
};

/// Copies of a load to one device.
struct DeviceCopies {
    int device = 0;
    std::uint64_t bytes = 0;
    double seconds = 0; ///< while at least one was under way, what the device opens among them
};

/// What a load took beside `LoadStats`.
struct DeviceStats {
    std::uint64_t device_bytes = 0; ///< that were allocated
    std::uint64_t pinned_bytes = 0; ///< of host memory
    std::uint64_t copies = 0;
    std::uint64_t opened_bytes = 0;      ///< decrypted on devices
    std::vector<DeviceCopies> of_device; ///< as `DeviceOptions::devices` lists them
};

/// A finished load.
struct DeviceLoaded : LoadedFiles {
    /// By file, as `LoadedFile::layout` lists them.
    std::vector<std::vector<DeviceTensor>> on_device;
    DeviceStats device;
};

/// As load(), but to devices. Where the engine's number of workers was left open, fewer of them run
/// than there are cores. `options.memory` is not asked, and there is no other sink. Throws
/// `DeviceError` too. Nothing of a failed load stays on a device, and neither does anything that
/// was not verified: it is overwritten first.
DeviceLoaded load_to_device(
    Engine& engine,
    std::span<const std::shared_ptr<const Source>> sources,
    LoadOptions options,
    const DeviceOptions& device);

/// What kept the load from being faster, as explain() of the engine, and how long each device had
/// copies under way. One sentence, without a full stop.
std::string explain(const LoadStats& stats, const DeviceStats& device);

} // namespace tz::cuda
