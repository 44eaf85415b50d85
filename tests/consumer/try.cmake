# Builds and runs the consumer in one way: find_package, add_subdirectory or pkg_config.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(consumer ${WORK}/consumer)

# run(<command>...): ends the test when the command fails, and shows the command.
macro(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endmacro()

if(WAY STREQUAL "pkg_config")
  set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
  set(packages sansmtp-deliver sansmtp-dkim)
  set(definitions)
  foreach(library asio openssl wolfssl unbound curl)
    execute_process(COMMAND ${PKG_CONFIG} --exists sansmtp-${library} RESULT_VARIABLE missing)
    if(missing EQUAL 0)
      string(TOUPPER ${library} name)
      list(PREPEND packages sansmtp-${library})
      list(APPEND definitions -DCONSUMER_WITH_${name})
    endif()
  endforeach()
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${packages}
                  OUTPUT_VARIABLE options OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(options)
  run(${COMPILER} -std=c++20 ${definitions} ${CMAKE_CURRENT_LIST_DIR}/main.cpp ${options} -o ${consumer})
else()
  # What a project may ask of all that is in it, too; and it is built in less than half of the time.
  run(${CMAKE_COMMAND} -D CMAKE_UNITY_BUILD=ON -D CMAKE_UNITY_BUILD_BATCH_SIZE=0 -S ${CMAKE_CURRENT_LIST_DIR}/${WAY} -B ${WORK} -G ${GENERATOR}
      -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
      -D CMAKE_PREFIX_PATH=${PREFIX} -D SANSMTP_SOURCE_DIR=${SOURCE})
  run(${CMAKE_COMMAND} --build ${WORK} --target consumer)
endif()
run(${consumer})
