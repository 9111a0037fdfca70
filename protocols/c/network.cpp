#include <tz/protocols/c/handles.hpp>
#include <tz/protocols/network_setting.hpp>

using namespace tz;
using namespace tz::c;

void tz_load_options_set_network(tz_load_options* options, const char* name, const char* value) {
    set(options, [&] {
        demand(name, "the name of a network option");
        demand(value, "the value of a network option");
        set_network_option(options->network, name, value);
    });
}
