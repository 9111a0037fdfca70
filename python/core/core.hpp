// tzio._core: the parts of the binding. Everything else of the package is Python.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/format/seal.hpp>
#include <tz/protocols/network.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nanobind/nanobind.h>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace tzio {

namespace nb = nanobind;

/// Has `tz::Error` come out as what tzio.errors makes of it.
void bind_errors(nb::module_& module);
/// Sets Python's error.
void raise_made(const nb::object& error);
void bind_devices(nb::module_& module);
void bind_engine(nb::module_& module);
void bind_loaded(nb::module_& module);
void bind_save(nb::module_& module);
void bind_session(nb::module_& module);
void bind_timeline(nb::module_& module);

class Timeline;

/// What the engine says, kept until a thread that has the interpreter fetches it: loops must not
/// wait for that.
class Messages {
public:
    /// Keeps so many: of those that matter most the latest.
    static constexpr std::size_t kept_max = 1000;

    void add(tz::LogLevel level, const std::string& text);
    /// To logging.getLogger("tzio").
    void pass_on();

private:
    std::mutex mutex_;
    std::deque<std::pair<tz::LogLevel, std::string>> lines_;
};

/// A GPU that a load goes to.
struct ToDevice {
    int device = 0; ///< as the process sees them
    /// The caller's stream there (a `cudaStream_t`), whose work comes before the load writes; 0:
    /// none.
    std::uintptr_t stream = 0;
};

/// Memory of the caller by name, of the host or of a device.
using Places = std::map<std::string, std::span<std::byte>>;

/// {name: (address, bytes)}
Places places_of(const nb::dict& into);

/// How a load was asked for: keywords of Python, see arguments.cpp.
struct Arguments {
    std::vector<std::string> addresses;
    tz::LoadOptions options;
    tz::NetworkOptions network;
    tz::Direct direct = tz::Direct::automatic;
    nb::object progress;                  ///< or None
    std::shared_ptr<Timeline> timeline{}; ///< of the load, where one is wanted
    std::string require = "none";         ///< of manifests, see tools/requirement.hpp
    std::optional<std::string> subject{}; ///< that manifests must name
    std::optional<ToDevice> device;
};

/// Throws Python's TypeError for keywords and values that are none, else `tz::Error`.
Arguments parse_arguments(const nb::list& addresses, const nb::dict& keywords);
tz::EngineOptions parse_engine_options(const nb::dict& keywords);

/// The bytes of a tensor, wherever they are.
struct Held {
    std::byte* data = nullptr;
    std::uint64_t bytes = 0;
    std::shared_ptr<const void> memory; ///< keeps them; null where they are the caller's
};

/// A finished load, or a layout alone. Its tensors outlive it.
class Loaded {
public:
    explicit Loaded(tz::LoadedFiles files) : files_(std::move(files)) {}

    /// `tensors`, by file, are memory of a GPU.
    Loaded(tz::LoadedFiles files, int device, std::vector<std::vector<Held>> tensors)
        : files_(std::move(files)),
          on_device_(std::move(tensors)),
          device_(device) {}

    const tz::LoadedFiles& files() const { return files_; }

    Held held(std::size_t file, std::size_t index) const;

    std::optional<int> device() const { return device_; } ///< of all tensors, where that is a GPU

private:
    tz::LoadedFiles files_;
    std::vector<std::vector<Held>> on_device_;
    std::optional<int> device_;
};

nb::dict stats_of(const tz::LoadStats& stats);

/// A tensor in memory that Python holds during a call, as frameworks.py describes it.
struct Described {
    std::string dtype_code; ///< as `.tensors` files have it
    std::vector<std::uint64_t> shape;
    std::uint64_t bytes = 0;
    bool meta = false;               ///< there is no memory
    std::span<const std::byte> data; ///< `bytes`, unless it is meta
};

/// (dtype, shape, address or None, bytes, element bytes), which stand in `parts` from `first` on.
Described described(const nb::tuple& parts, std::size_t first);

std::shared_ptr<const tz::format::Secret> secret_of(const std::optional<nb::bytes>& secret);

} // namespace tzio
