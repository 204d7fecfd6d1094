# Installs libraries, headers, the command line, type stubs, a pkg-config file and a CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS qntxpy_shared qntxpy_static EXPORT qntxpyTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/qntxpy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES python/qntx/__init__.pyi python/qntx/py.typed
    DESTINATION ${CMAKE_INSTALL_DATADIR}/qntxpy/python/qntx)
if(QNTXPY_CLI)
    install(TARGETS qntxpy_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES src/cli/qntxpy.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/qntxpy)
install(EXPORT qntxpyTargets NAMESPACE qntxpy:: DESTINATION ${package_dir})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/qntxpyConfig.cmake
    "include(\"\${CMAKE_CURRENT_LIST_DIR}/qntxpyTargets.cmake\")\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/qntxpyConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/qntxpyConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/qntxpyConfigVersion.cmake DESTINATION ${package_dir})

set(pc_rpath "")
if(QNTXPY_PYTHON_RPATH)
    set(pc_rpath "-Wl,-rpath,${QNTXPY_PYTHON_RPATH} ")
endif()
# Relative to the file itself, so that an installation can be moved.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/qntxpy.pc.in ${CMAKE_CURRENT_BINARY_DIR}/qntxpy.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/qntxpy.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
