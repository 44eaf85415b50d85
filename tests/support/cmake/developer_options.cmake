# What only developers of sansmtp need. Nothing here reaches the interface of a library or an
# installed file. The presets set these.
option(SANSMTP_DEVELOPER "Full set of warnings, all of them errors" OFF)
option(SANSMTP_NO_EXCEPTIONS "Compile the transports without exceptions too, as the engine is" OFF)
option(SANSMTP_COVERAGE "Instrument for coverage and add the target coverage_report, which prints that of engine/" OFF)
option(SANSMTP_FUZZ "Instrument for libFuzzer and build the fuzz targets (needs Clang)" OFF)
option(SANSMTP_TEST_ASIO_VARIANTS "Test the Asio transport also with Boost and with io_uring" OFF)
set(SANSMTP_TESTS "" CACHE STRING "Folders of tests that are built, and fuzz; if empty, all of them")
set(SANSMTP_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")

if(SANSMTP_DEVELOPER)
  add_compile_options(
    -Werror -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum
    -Wold-style-cast -Wcast-align -Wcast-qual -Wnon-virtual-dtor -Woverloaded-virtual
    -Wextra-semi -Wformat=2 -Wimplicit-fallthrough -Wundef)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op)
  endif()

  find_program(SANSMTP_CCACHE ccache)
  mark_as_advanced(SANSMTP_CCACHE)
  if(SANSMTP_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${SANSMTP_CCACHE})
  endif()
endif()

# sansmtp_compile_quickly(<target>): most of a test or a tool runs once, so that a compiler's time is what
# it costs. What runs for long or counts instructions is not told so.
function(sansmtp_compile_quickly target)
  if(SANSMTP_DEVELOPER)
    target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  endif()
endfunction()

if(SANSMTP_SANITIZE)
  # The engine has no run-time types, so UBSan's check of dynamic types would only report that.
  add_compile_options(-fsanitize=${SANSMTP_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr
                      -fno-omit-frame-pointer)
  if(SANSMTP_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has fences, which TSan does not see. It needs none of them to be right: locks do the work.
    add_compile_options(-Wno-tsan)
  endif()
  # Assertions, the standard library's too, find what a sanitizer cannot see.
  add_compile_options(-UNDEBUG -D_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=${SANSMTP_SANITIZE})
endif()

if(SANSMTP_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "SANSMTP_FUZZ needs Clang: libFuzzer is part of it")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(SANSMTP_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
  find_program(SANSMTP_GCOVR gcovr)
  mark_as_advanced(SANSMTP_GCOVR)
  if(SANSMTP_GCOVR)
    # Fails below what tests/README.md says of the engine, where the exceptions are explained too.
    add_custom_target(
      coverage_report
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/coverage
      COMMAND
        ${SANSMTP_GCOVR} --root ${PROJECT_SOURCE_DIR} --filter engine/ --exclude-throw-branches
        --exclude-unreachable-branches --branches --txt ${PROJECT_BINARY_DIR}/coverage/branches.txt
        --html-details ${PROJECT_BINARY_DIR}/coverage/index.html --print-summary --fail-under-line 99
        --fail-under-branch 95 ${PROJECT_BINARY_DIR}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      VERBATIM)
  endif()
endif()
