# What only developers of sansmtp need. Nothing here reaches the interface of a library or an
# installed file. The presets set these, and but for SANSMTP_TOGETHER all are off without them.
option(SANSMTP_DEVELOPER "Full set of warnings, all of them errors" OFF)
option(SANSMTP_NO_EXCEPTIONS "Compile the transports without exceptions too, as the engine is" OFF)
option(SANSMTP_COVERAGE "Instrument for coverage and add the target coverage_report, which prints that of engine/" OFF)
option(SANSMTP_FUZZ "Instrument for libFuzzer and build the fuzz targets (needs Clang)" OFF)
option(SANSMTP_TOGETHER "Compile the sources of a test, or of the command, as one: what they include is read once; off is for who changes one of many" ON)
option(SANSMTP_TEST_ASIO_VARIANTS "Test the Asio transport also with Boost and with io_uring" OFF)
set(SANSMTP_TESTS "" CACHE STRING "Folders of tests that are built, and fuzz; if empty, all of them")
set(SANSMTP_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")

if(SANSMTP_DEVELOPER)
  add_compile_options(
    -Werror -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum
    -Wcast-align -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op)
  endif()

  find_program(SANSMTP_CCACHE ccache)
  mark_as_advanced(SANSMTP_CCACHE)
  if(SANSMTP_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${SANSMTP_CCACHE})
  endif()
endif()

# Compiles what is C (a consumer of the C interface) by the compiler that belongs to that of C++. Where
# there is none, CMAKE_C_COMPILER_LOADED stays unset, and what is C is left out.
macro(sansmtp_enable_c)
  if(NOT CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})
    string(REGEX REPLACE "clang\\+\\+([^/]*)$" "clang\\1" c_compiler "${CMAKE_CXX_COMPILER}")
    string(REGEX REPLACE "g\\+\\+([^/]*)$" "gcc\\1" c_compiler "${c_compiler}")
    # One that is called c++ says nothing of C: then CMake looks for it itself.
    if(NOT c_compiler STREQUAL CMAKE_CXX_COMPILER AND EXISTS "${c_compiler}")
      set(CMAKE_C_COMPILER "${c_compiler}")
    endif()
  endif()
  set(CMAKE_C_EXTENSIONS OFF)
  include(CheckLanguage)
  check_language(C)
  if(CMAKE_C_COMPILER)
    enable_language(C)
  endif()
endmacro()

# sansmtp_compile_quickly(<target>): most of a test or a tool runs once, so that a compiler's time is what
# it costs. What runs for long or counts instructions is not told so.
function(sansmtp_compile_quickly target)
  if(SANSMTP_DEVELOPER)
    target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  endif()
  sansmtp_compile_together(${target})
endfunction()

# sansmtp_compile_together(<target>): its sources as one, where that is wanted. Then names without linkage must
# differ, and one source may hide what another one declares.
function(sansmtp_compile_together target)
  if(SANSMTP_TOGETHER)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    target_compile_options(${target} PRIVATE -Wno-shadow)
  endif()
endfunction()

# The libraries, too, as one source each (a choice of CMake's own; some of the presets make it): what one of
# them hides of another says nothing, and where each is compiled alone it is looked at.
# Nor does g++'s word on a class that is made of names without linkage: it takes the source for a header.
if(CMAKE_UNITY_BUILD AND SANSMTP_DEVELOPER)
  add_compile_options(-Wno-shadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
endif()

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
  # Of a test's own code nobody asks what was run.
  add_compile_options(--coverage $<$<CXX_COMPILER_ID:GNU>:-fprofile-filter-files=/engine/>)
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
