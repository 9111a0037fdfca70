# tz-bench: included by CMakeLists.txt beside it.

# What is tested alone: what is pure of it, and the memory of its ceilings.
add_library(tz_bench_parts STATIC
  bench_advice.cpp bench_architectures.cpp bench_disturbed.cpp bench_memory.cpp bench_page.cpp bench_reasons.cpp bench_sample.cpp
  bench_shape.cpp bench_sweep_plan.cpp bench_timeline.cpp)
include(report/embed.cmake)
tz_embed_page(tz_bench_parts)
target_link_libraries(tz_bench_parts PUBLIC tz_cli)
tz_precompile(tz_bench_parts <nlohmann/json.hpp>)

add_executable(tz-bench
  bench_adapters.cpp bench_advise.cpp bench_advise_command.cpp bench_advise_text.cpp bench_cache.cpp
  bench_ceilings.cpp bench_cells.cpp bench_child.cpp bench_command.cpp bench_compare_command.cpp bench_comparison.cpp
  bench_descriptor.cpp bench_entry.cpp bench_fio.cpp bench_folder.cpp bench_host.cpp bench_html_command.cpp
  bench_impact_command.cpp bench_load.cpp bench_load_command.cpp bench_loopback.cpp bench_make_command.cpp bench_part.cpp bench_peer.cpp bench_pinned.cpp
  bench_peer_options.cpp bench_program.cpp bench_random.cpp bench_report.cpp bench_run.cpp bench_sample_command.cpp bench_script.cpp
  bench_stages.cpp bench_summary.cpp bench_sweep.cpp bench_sweep_command.cpp bench_sweep_table.cpp bench_table.cpp bench_taken_back.cpp
  bench_trace.cpp demo.cpp temporary_folder.cpp tz_bench.cpp)
target_link_libraries(tz-bench PRIVATE tz_bench_parts OpenSSL::Crypto PkgConfig::libsodium)
tz_precompile(tz-bench ${tz_slow_program_headers})
if(TZ_WITH_CUDA)
  target_link_libraries(tz-bench PRIVATE tz::cuda)
  set_property(SOURCE bench_pinned.cpp APPEND PROPERTY COMPILE_DEFINITIONS TZ_WITH_CUDA)
endif()
# Where bench_script.cpp looks: below the installed program's prefix, then here.
set_property(SOURCE bench_script.cpp APPEND PROPERTY COMPILE_DEFINITIONS
  TZ_BENCH_DATA_FOLDER="${CMAKE_INSTALL_DATADIR}/tzio/bench" TZ_BENCH_FOLDER="${PROJECT_SOURCE_DIR}/bench")
install(PROGRAMS ${PROJECT_SOURCE_DIR}/bench/peers.py DESTINATION ${CMAKE_INSTALL_DATADIR}/tzio/bench)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bench/impact ${PROJECT_SOURCE_DIR}/bench/peers
  DESTINATION ${CMAKE_INSTALL_DATADIR}/tzio/bench FILES_MATCHING PATTERN *.py PATTERN __pycache__ EXCLUDE)
install(TARGETS tz-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
