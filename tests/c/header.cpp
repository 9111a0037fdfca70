// tz.h is C++ too.
#include <tz/tz.h>

extern "C" int tz_header_in_cpp() {
    return tz_version() != nullptr;
}
