// What stands for devices.cpp where CUDA's toolkit is missing. tzio.devices never gets as far.
#include "devices.hpp"
#include <tz/format/error.hpp>

namespace tzio {

namespace {

[[noreturn]] void no_cuda() {
    throw tz::Error(
        tz::errc::unsupported,
        "this tzio was built without CUDA",
        {},
        "build it where CUDA's toolkit is (TZ_CUDA), or leave out the device");
}

} // namespace

std::unique_ptr<Loaded> load_to_device(
    tz::Engine& /*engine*/,
    std::span<const std::shared_ptr<const tz::Source>> /*sources*/,
    const tz::LoadOptions& /*options*/,
    const ToDevice& /*to*/,
    const std::optional<Places>& /*places*/,
    tz::Log /*log*/) {
    no_cuda();
}

void bind_devices(nb::module_& module) {
    module.attr("with_cuda") = false;
    module.def(
        "open_device",
        [](int) { no_cuda(); },
        nb::arg("device"),
        nb::sig("def open_device(device: int) -> None"));
}

} // namespace tzio
