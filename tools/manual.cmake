# Shell completion and man pages, both made by the built programs: included by CMakeLists.txt beside it.
find_program(TZ_HELP2MAN help2man)
set(TZ_MAN AUTO CACHE STRING "Man pages: ON, OFF, or AUTO: in optimised builds where help2man is found")
set_property(CACHE TZ_MAN PROPERTY STRINGS AUTO ON OFF)
set(tz_man ${TZ_MAN})
if(tz_man STREQUAL AUTO)
  set(tz_man OFF)
  if(TZ_HELP2MAN AND CMAKE_BUILD_TYPE STREQUAL Release)
    set(tz_man ON)
  endif()
endif()
if(tz_man AND NOT TZ_HELP2MAN)
  message(FATAL_ERROR "TZ_MAN needs help2man (Debian: help2man)")
endif()

set(tz_manual_folder ${PROJECT_BINARY_DIR}/share)

# tz_add_completion(PROGRAM SHELL FOLDER NAME): installed as share/FOLDER/NAME.
function(tz_add_completion program shell folder name)
  set(file ${tz_manual_folder}/${folder}/${name})
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${tz_manual_folder}/${folder}
    COMMAND ${program} completion ${shell} > ${file}
    DEPENDS ${program} VERBATIM)
  add_custom_target(${program}_${shell} ALL DEPENDS ${file})
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endfunction()

function(tz_add_manual program)
  tz_add_completion(${program} bash bash-completion/completions ${program})
  tz_add_completion(${program} zsh zsh/site-functions _${program})
  tz_add_completion(${program} fish fish/vendor_completions.d ${program}.fish)
  if(NOT tz_man)
    return()
  endif()
  set(folder ${tz_manual_folder}/man/${program})
  set(stamp ${folder}.made)
  add_custom_command(OUTPUT ${stamp}
    COMMAND ${PROJECT_SOURCE_DIR}/tools/make_man $<TARGET_FILE:${program}> ${TZ_HELP2MAN} ${folder}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${program} ${PROJECT_SOURCE_DIR}/tools/make_man VERBATIM)
  add_custom_target(${program}_man ALL DEPENDS ${stamp})
  install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endfunction()

# What was built for another machine can't be asked.
if(NOT CMAKE_CROSSCOMPILING)
  tz_add_manual(tz)
  if(TZ_BENCH_PROGRAM)
    tz_add_manual(tz-bench)
  endif()
endif()
