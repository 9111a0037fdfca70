# tz-bench: included by CMakeLists.txt beside it.
add_executable(tz-bench
  bench_cache.cpp bench_ceilings.cpp bench_child.cpp bench_command.cpp bench_descriptor.cpp bench_entry.cpp
  bench_fio.cpp bench_host.cpp bench_impact_command.cpp bench_load.cpp bench_load_command.cpp bench_make_command.cpp bench_memory.cpp
  bench_peer.cpp bench_program.cpp bench_random.cpp bench_report.cpp bench_run.cpp bench_sample.cpp
  bench_sample_command.cpp bench_script.cpp bench_stages.cpp bench_summary.cpp bench_table.cpp demo.cpp tz_bench.cpp)
target_link_libraries(tz-bench PRIVATE tz_cli OpenSSL::Crypto PkgConfig::libsodium)
tz_precompile(tz-bench ${tz_slow_program_headers})
# Where bench_script.cpp looks: below the installed program's prefix, then here.
set_property(SOURCE bench_script.cpp APPEND PROPERTY COMPILE_DEFINITIONS
  TZ_BENCH_DATA_FOLDER="${CMAKE_INSTALL_DATADIR}/tzio/bench" TZ_BENCH_FOLDER="${PROJECT_SOURCE_DIR}/bench")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bench/impact DESTINATION ${CMAKE_INSTALL_DATADIR}/tzio/bench
  FILES_MATCHING PATTERN "*.py")
install(TARGETS tz-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
