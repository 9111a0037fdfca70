// A result as one HTML file that needs nothing else: no network, no other file. Its style and
// program come from tools/report, put into this program when it is built.
#pragma once

#include <tz/tools/json.hpp>

#include <string>

namespace tz {
class NewFile;
}

namespace tz::bench {

/// `result` is of schema "tz-bench/1" or "tz-bench-sweep/1"; throws `tz::Error` (errc::format) for
/// anything else. `timeline` is what `timeline()` returned, or null. The page's policy allows its
/// own program and style alone, and no request. Pure.
std::string page(const cli::Json& result, const cli::Json& timeline);

/// Makes `file` that page and gives it its name. Throws `tz::Error`.
void write_page(NewFile& file, const cli::Json& result, const cli::Json& timeline);

} // namespace tz::bench
