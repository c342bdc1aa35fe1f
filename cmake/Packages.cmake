# Documents of an installation, and Debian packages: cmake --build build && cpack -G DEB --config build/CPackConfig.cmake
# gives backobs (program, library, plugins) and backobs-dev (headers, find_package, examples).

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT runtime)
install(FILES README.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY docs configs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY sdk/examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME backobs)
set(CPACK_PACKAGE_CONTACT "BackOBS authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME backobs)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "${PROJECT_DESCRIPTION}
 A program, its library, and one plugin for each problem, quantity and runner.")
# What the libraries depend on is read from them; which BLAS it is decides about speed alone.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libopenblas0-openmp")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "dataset-fashion-mnist")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME backobs-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_DESCRIPTION "Headers and CMake package for plugins of BackOBS
 Problems, extensions, layers and runners are written against these alone, and tested with the conformance kit.")
# A plugin and its host must share one LibTorch, to the version.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "backobs (= ${PROJECT_VERSION}), libtorch-dev, cmake (>= 3.22), g++")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libgtest-dev")
include(CPack)
