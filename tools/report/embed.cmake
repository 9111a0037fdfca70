# Puts the page's files into a source as text, which is the target's. Who changes one of them has it put in anew.
function(tz_embed_page target)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/bench_page_parts.cpp)
  set(template page.html)
  set(css page.css)
  set(js draw.js bars.js summary.js heat.js timeline.js page.js)
  set(definitions "")
  foreach(part template css js)
    string(APPEND definitions "\nconst std::string_view page_${part} =")
    foreach(file IN LISTS ${part})
      set(path ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${file})
      file(READ ${path} text)
      string(LENGTH "${text}" length)
      # what every compiler takes
      if(length GREATER 65000 OR text MATCHES "\\)page\"")
        message(FATAL_ERROR "${path} can't stand in one string of C++")
      endif()
      string(APPEND definitions "\n    R\"page(${text})page\"")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    endforeach()
    string(APPEND definitions ";\n")
  endforeach()
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"// Made by report/embed.cmake.
#include <tz/tools/bench_page_parts.hpp>

namespace tz::bench {
@definitions@
} // namespace tz::bench
")
  target_sources(${target} PRIVATE ${source})
endfunction()
