# The package files; each library has already installed itself (add_library.cmake).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_property(libraries GLOBAL PROPERTY SANSMTP_LIBRARIES)
if(NOT libraries)
  return()
endif()

set(needs)
foreach(library IN LISTS libraries)
  get_property(packages GLOBAL PROPERTY SANSMTP_PACKAGES_${library})
  if(packages)
    list(JOIN packages " " packages)
    string(APPEND needs "set(sansmtp_${library}_packages ${packages})\n")
  endif()
endforeach()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sansmtp)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sansmtpConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/sansmtpConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sansmtpConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sansmtpConfig.cmake
              ${PROJECT_BINARY_DIR}/sansmtpConfigVersion.cmake
        DESTINATION ${package_dir})
install(EXPORT sansmtp_targets FILE sansmtpTargets.cmake NAMESPACE sansmtp::
        DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(TARGET sansmtp_command)
  install(TARGETS sansmtp_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
