# sansmtp_add_library(<name> [<dependency>...] [PACKAGES <pkg-config name>...] [C])
#
# Declares the static library sansmtp::<name> from include/ and src/ of the current folder. Its
# dependencies are other sansmtp libraries and part of its interface; PACKAGES are libraries of
# others, known as PkgConfig::<name>, that only its sources need. A folder that has no source yet
# declares nothing. With C its headers are C, and what it is made of is its own affair; such a
# library is shared with BUILD_SHARED_LIBS.
function(sansmtp_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "C" "" "PACKAGES")
  set(kind STATIC)
  set(visibility PUBLIC)
  set(ending hpp)
  if(arg_C)
    set(visibility PRIVATE)
    set(ending h)
    if(BUILD_SHARED_LIBS)
      set(kind SHARED)
    endif()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS src/*.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.${ending})
  if(NOT sources)
    return()
  endif()

  set(target sansmtp_${name})
  add_library(${target} ${kind} ${sources})
  add_library(sansmtp::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} ${visibility} cxx_std_20)
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})

  list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND sansmtp:: OUTPUT_VARIABLE dependencies)
  target_link_libraries(${target} ${visibility} ${dependencies})
  # What it needs of others, itself and by what it stands on: for the package file (install.cmake).
  set(packages ${arg_PACKAGES})
  foreach(dependency IN LISTS arg_UNPARSED_ARGUMENTS)
    get_property(theirs GLOBAL PROPERTY SANSMTP_PACKAGES_${dependency})
    list(APPEND packages ${theirs})
  endforeach()
  set_property(GLOBAL PROPERTY SANSMTP_PACKAGES_${name} ${packages})
  foreach(package IN LISTS arg_PACKAGES)
    target_link_libraries(${target} PRIVATE PkgConfig::${package})
  endforeach()

  # The tests and the installation walk over the libraries by this list.
  set_property(GLOBAL APPEND PROPERTY SANSMTP_LIBRARIES ${name})
  if(SANSMTP_INSTALL)
    include(GNUInstallDirs)
    install(TARGETS ${target} EXPORT sansmtp_targets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
            FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

    # The engine is the package `sansmtp`, every other library is `sansmtp-<name>`.
    string(REPLACE -engine "" pc_name sansmtp-${name})
    list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND sansmtp- OUTPUT_VARIABLE pc_requires)
    list(TRANSFORM pc_requires REPLACE -engine "")
    list(APPEND pc_requires ${arg_PACKAGES})  # a static library hands on what it needs
    set(pc_libs)
    if(kind STREQUAL SHARED)
      set(pc_requires)
    elseif(arg_C)
      # A compiler of C does not know where the rest of C++ is.
      list(TRANSFORM CMAKE_CXX_IMPLICIT_LINK_LIBRARIES PREPEND -l OUTPUT_VARIABLE pc_libs)
      list(FILTER pc_libs INCLUDE REGEX "^-l(std)?c\\+\\+")
      list(JOIN pc_libs " " pc_libs)
    endif()
    list(JOIN pc_requires ", " pc_requires)
    # The prefix is found from where the file lies, so that an installed tree can be moved.
    file(RELATIVE_PATH pc_to_prefix
         ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    configure_file(${PROJECT_SOURCE_DIR}/engine/cmake/sansmtp.pc.in
                   ${PROJECT_BINARY_DIR}/${pc_name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${pc_name}.pc
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endfunction()

# Compiles a library so that it can neither throw nor ask for run-time types. The flags stay
# private: whoever links the library decides for themselves.
function(sansmtp_without_exceptions target)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE -fno-exceptions -fno-rtti)
  endif()
endfunction()
