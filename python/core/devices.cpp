#include "devices.hpp"

#include <tz/cuda/device.hpp>
#include <tz/cuda/device_load.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <nanobind/stl/string.h>

namespace tzio {

namespace {

std::byte* place_of(const Places& places, const tz::format::Tensor& tensor) {
    const std::span<std::byte> place = places.at(tz::format::key_name(tensor.name));
    if (place.size() != tensor.bytes)
        throw tz::Error(
            tz::errc::usage,
            "'" + tz::format::display_name(tensor.name) + "' has " + std::to_string(tensor.bytes) +
                " bytes, and " + std::to_string(place.size()) + " of the device were given for it");
    return place.data();
}

std::vector<std::vector<Held>> held_of(const tz::cuda::DeviceLoaded& loaded) {
    std::vector<std::vector<Held>> all;
    for (const auto& file : loaded.on_device) {
        std::vector<Held>& held = all.emplace_back();
        for (const tz::cuda::DeviceTensor& tensor : file)
            held.push_back({tensor.data, tensor.bytes, tensor.memory});
    }
    return all;
}

/// As an exception of tzio.errors.
void raise(const tz::cuda::DeviceError& error) {
    const nb::object make = nb::module_::import_("tzio.errors").attr("from_device");
    raise_made(make(
        error.what(),
        error.kind() == tz::errc::limit,
        error.device(),
        error.code(),
        error.sticky(),
        error.hint()));
}

void open_device(int device) {
    const nb::gil_scoped_release others;
    tz::cuda::open_device(device);
}

} // namespace

std::unique_ptr<Loaded> load_to_device(
    tz::Engine& engine,
    std::span<const std::shared_ptr<const tz::Source>> sources,
    const tz::LoadOptions& options,
    const ToDevice& to,
    const std::optional<Places>& places,
    tz::Log log) {
    tz::cuda::DeviceOptions device;
    device.devices = {to.device};
    device.stream = reinterpret_cast<CUstream_st*>(to.stream);
    device.log = std::move(log);
    if (places)
        device.destination = [&places](std::size_t, const tz::format::Tensor& tensor, int) {
            return place_of(*places, tensor);
        };
    tz::cuda::DeviceLoaded loaded = tz::cuda::load_to_device(engine, sources, options, device);
    std::vector<std::vector<Held>> held = held_of(loaded);
    return std::make_unique<Loaded>(
        static_cast<tz::LoadedFiles&&>(loaded), to.device, std::move(held));
}

void bind_devices(nb::module_& module) {
    // behind bind_errors(): what was registered last is asked first
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const tz::cuda::DeviceError& error) {
            raise(error);
        }
    });
    module.attr("with_cuda") = true;
    module.def(
        "open_device",
        &open_device,
        nb::arg("device"),
        nb::sig("def open_device(device: int) -> None"));
}

} // namespace tzio
