// Results for programs: one JSON object, its first member the name of its schema.
#pragma once

#include <nlohmann/json.hpp>

namespace tz::cli {

/// Members stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// The version of tzio.
const char* version();

/// The beginning of a result: "schema" and "version".
Json result(const char* schema);

/// Writes the object to stdout, a line end behind it.
void write_json(const Json& json);

} // namespace tz::cli
