#include <tz/engine/cause.hpp>

namespace tz {

namespace {

bool is_about_bytes(errc kind) {
    return kind == errc::format || kind == errc::integrity || kind == errc::auth ||
           kind == errc::unsupported || kind == errc::limit;
}

} // namespace

Error cause_of(const Error& error, const Source& source) {
    try {
        if (is_about_bytes(error.kind()))
            source.check_unchanged();
    } catch (const Error& change) {
        return change.in(source.name());
    }
    return error.in(source.name());
}

} // namespace tz
