include(CMakePackageConfigHelpers)
set(tz_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tz)
install(EXPORT tz NAMESPACE tz:: FILE tzTargets.cmake DESTINATION ${tz_cmake_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/tzConfig.cmake.in ${PROJECT_BINARY_DIR}/tzConfig.cmake
  INSTALL_DESTINATION ${tz_cmake_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/tzConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/tzConfig.cmake ${PROJECT_BINARY_DIR}/tzConfigVersion.cmake
  DESTINATION ${tz_cmake_dir})

# pkg-config: `tz` is the C++ libraries, `tz_c` the one for C. What is installed may be moved.
set(tz_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH tz_pc_prefix ${CMAKE_INSTALL_PREFIX}/${tz_pc_dir} ${CMAKE_INSTALL_PREFIX})
foreach(module tz tz_c)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${module}.pc.in ${PROJECT_BINARY_DIR}/${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${tz_pc_dir})
endforeach()
