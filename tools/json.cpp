#include <tz/tools/console.hpp>
#include <tz/tools/json.hpp>

namespace tz::cli {

const char* version() {
    return TZ_VERSION;
}

Json result(const char* schema) {
    return {{"schema", schema}, {"version", version()}};
}

void write_json(const Json& json) {
    // names are text by the format's rules, paths need not be
    write_result(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace tz::cli
