include(GoogleTest)

# The system's interpreter comes first: distributions install their Python modules for it alone.
find_program(SANSMTP_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(SANSMTP_PYTHON NAMES python3 REQUIRED)
mark_as_advanced(SANSMTP_PYTHON)

# All that sansmtp_add_gtest makes, for who wants no example and no tool.
add_custom_target(gtest_programs)

# sansmtp_add_gtest(<executable> LABEL <label> SOURCES <glob>... LINK <target>...
#                   [TIMEOUT <seconds>] [ONE_TEST | NO_TEST])
#
# One GoogleTest executable of the sources in the current folder, each of its tests known to ctest
# by name; with ONE_TEST ctest runs it as a whole, since thousands of tests of a millisecond each
# would spend their time in starting processes, as coverage would in writing down what each did. With
# NO_TEST ctest does not know them: the caller says how they are run.
# Without sources, or when a library it needs is not built, nothing is declared.
function(sansmtp_add_gtest executable)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ONE_TEST;NO_TEST" "LABEL;TIMEOUT" "LINK;SOURCES")
  file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
  if(NOT sources)
    return()
  endif()
  foreach(library IN LISTS arg_LINK)
    if(NOT TARGET ${library})
      message(STATUS "${executable}: not built, since ${library} is not")
      return()
    endif()
  endforeach()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()

  add_executable(${executable} ${sources})
  add_dependencies(gtest_programs ${executable})
  sansmtp_compile_quickly(${executable})
  # Tests may look at the parts of the engine that are not public.
  target_include_directories(${executable} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support
                                                   ${PROJECT_SOURCE_DIR}/engine/src)
  target_compile_definitions(
    ${executable} PRIVATE SANSMTP_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                          SANSMTP_TRANSCRIPT_DIR="${PROJECT_SOURCE_DIR}/tests/transcripts")
  target_link_libraries(${executable} PRIVATE ${arg_LINK} GTest::gtest_main)
  if(arg_NO_TEST)
    return()
  endif()
  set(some "")
  if(SANSMTP_COVERAGE)
    set(arg_TIMEOUT 900)  # all tests of an executable, without optimisation
    # What tries the same lines with all there is. The other presets run it.
    set(some --gtest_filter=-*.splits:*all_short_strings*:*is_right_*:session.streams_*:route_worlds.*)
  endif()
  if(arg_ONE_TEST OR SANSMTP_COVERAGE)
    add_test(NAME ${executable} COMMAND ${executable} --gtest_brief=1 ${some})
    set_tests_properties(${executable} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
    return()
  endif()
  gtest_discover_tests(
    ${executable} TEST_PREFIX ${arg_LABEL}. DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# sansmtp_add_python_tests(<label> [TIMEOUT <seconds>] [RESOURCE <name>] [COMMAND <target> ONLY <name>...])
#
# Every Python file of the current folder that can be run by itself (it names __main__; the others
# are modules) is a test: 0 is a pass, 77 a skip. Its argument is a work directory of its own, and
# SANSMTP in its environment is the command. Tests that share a RESOURCE take turns. With COMMAND only
# those named run, with another build of the command, whose name ends theirs.
function(sansmtp_add_python_tests label)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;RESOURCE;COMMAND" "ONLY")
  set(command sansmtp_command)
  if(arg_COMMAND)
    set(command ${arg_COMMAND})
    string(REPLACE sansmtp_command_ . suffix ${command})
  endif()
  if(NOT TARGET ${command})
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  file(GLOB scripts CONFIGURE_DEPENDS *.py)
  foreach(script IN LISTS scripts)
    file(STRINGS ${script} main REGEX "__main__")
    if(NOT main)
      continue()
    endif()
    cmake_path(GET script STEM stem)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    if(arg_ONLY AND NOT stem IN_LIST arg_ONLY)
      continue()
    endif()
    set(name ${label}.${stem}${suffix})
    set(work ${CMAKE_CURRENT_BINARY_DIR}/${stem}${suffix})
    file(MAKE_DIRECTORY ${work})
    add_test(NAME ${name} COMMAND ${SANSMTP_PYTHON} -B ${script} ${work})
    set_tests_properties(
      ${name} PROPERTIES LABELS ${label} TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
                         RESOURCE_LOCK "${arg_RESOURCE}"
                         ENVIRONMENT SANSMTP=$<TARGET_FILE:${command}>)
  endforeach()
endfunction()
