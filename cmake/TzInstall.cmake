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
