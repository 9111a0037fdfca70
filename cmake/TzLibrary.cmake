# Headers live beside their sources and are included as <tz/FOLDER/NAME.hpp>, in this tree and once
# installed: a link in the build folder stands for the root.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/tz SYMBOLIC)

# Debian's package for a library that CMake did not find, in one line a person can act on.
function(tz_find_pkg_config module version package)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(${module} QUIET IMPORTED_TARGET GLOBAL ${module}>=${version})
  if(NOT ${module}_FOUND)
    message(FATAL_ERROR "${module} >= ${version} not found: apt-get install ${package}")
  endif()
endfunction()

# What takes longest to compile in files of the engine and the protocols.
set(tz_slow_headers <tz/engine/async.hpp> <boost/asio/co_spawn.hpp> <boost/asio/steady_timer.hpp>)

# tz_precompile(TARGET HEADER...): where the option says so.
function(tz_precompile target)
  if(TZ_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# tz_add_library(NAME SOURCES ... PUBLIC_HEADERS ... PUBLIC ... PRIVATE ...): the library tz::NAME, installed with
# the headers that programs may include. Static: the C++ interface is no ABI. Its code may end up in a shared library
# all the same, which then need not show it.
function(tz_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC_HEADERS;PUBLIC;PRIVATE" ${ARGN})
  add_library(tz_${name} STATIC ${arg_SOURCES})
  add_library(tz::${name} ALIAS tz_${name})
  set_target_properties(tz_${name} PROPERTIES
    EXPORT_NAME ${name}
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(tz_${name} PUBLIC cxx_std_20)
  target_include_directories(tz_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(tz_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  install(TARGETS tz_${name} EXPORT tz)
  install(FILES ${arg_PUBLIC_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tz/${name})
endfunction()
