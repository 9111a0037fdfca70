#include "core.hpp"

NB_MODULE(_core, module) {
    module.def("version", [] { return TZ_VERSION; });
    tzio::bind_errors(module);
    tzio::bind_devices(module);
    tzio::bind_engine(module);
    tzio::bind_loaded(module);
    tzio::bind_save(module);
    tzio::bind_session(module);
    tzio::bind_timeline(module);
    tzio::nb::set_leak_warnings(
        false); // threads that a process leaves behind at its end hold what they use
}
