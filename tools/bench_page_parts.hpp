// What CMake puts in: the files of tools/report.
#pragma once

#include <string_view>

namespace tz::bench {

extern const std::string_view page_template; ///< with places like @css@
extern const std::string_view page_css;
extern const std::string_view page_js;

} // namespace tz::bench
