# What --version says of the commit: included by CMakeLists.txt beside it.
set(TZ_COMMIT "" CACHE STRING "Commit that --version names; empty: git's, in an optimised build of a checkout")
set(tz_commit "${TZ_COMMIT}")

function(tz_ask_git to)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE answer ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(${to} "${answer}" PARENT_SCOPE)
endfunction()

if(NOT tz_commit AND CMAKE_BUILD_TYPE STREQUAL Release)
  find_package(Git QUIET)
  if(GIT_FOUND)
    # sources may lie unpacked within a checkout of something else
    tz_ask_git(top --show-toplevel)
    tz_ask_git(log --path-format=absolute --git-path logs/HEAD)
    if(top STREQUAL PROJECT_SOURCE_DIR AND EXISTS "${log}")
      tz_ask_git(tz_commit --short HEAD)
      set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
  endif()
endif()
if(tz_commit)
  set(tz_commit " (${tz_commit})")
endif()
set_property(SOURCE program.cpp APPEND PROPERTY COMPILE_DEFINITIONS TZ_COMMIT="${tz_commit}")
