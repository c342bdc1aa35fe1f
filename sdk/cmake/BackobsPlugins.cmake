# One plugin from one source file, in this tree or outside it:
#
#   backobs_add_extension(diag_ggn_exact)                 # diag_ggn_exact.cpp -> <build>/plugins/diag_ggn_exact.so
#   backobs_add_problem(my_problem SOURCES a.cpp b.cpp VERSION 1.2.0 AUTHOR "Ada")
#   backobs_add_test(my_problem_test PLUGIN problem_my_problem)
#
# Also backobs_add_runner and backobs_add_layer. The target's name is <kind>_<name>; the plugin's name is the file's stem.
# `cmake --install` puts it into <prefix>/lib/backobs/plugins. With OUTPUT_DIRECTORY, or the variable
# BACKOBS_PLUGIN_DIRECTORY for all, it is built elsewhere and not installed.
include(GNUInstallDirs)

function(backobs_add_problem name)
  _backobs_add_plugin(problem ${name} ${ARGN})
endfunction()
function(backobs_add_extension name)
  _backobs_add_plugin(extension ${name} ${ARGN})
endfunction()
function(backobs_add_runner name)
  _backobs_add_plugin(runner ${name} ${ARGN})
endfunction()
function(backobs_add_layer name)
  _backobs_add_plugin(layer ${name} ${ARGN})
endfunction()

# One precompiled header for all plugins of a project, before the first of them: torch's headers cost some seconds per
# file without it. It takes as long as three files do, so it pays from four on.
function(backobs_precompile_headers)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp CONTENT "// Carries the precompiled header.\n")
  add_library(backobs_precompiled OBJECT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(backobs_precompiled PRIVATE backobs::torch)
  if(TARGET backobs_options)
    target_link_libraries(backobs_precompiled PRIVATE backobs_options)
  endif()
  _backobs_compile_as_plugin(backobs_precompiled)
  target_precompile_headers(backobs_precompiled PRIVATE <ATen/ATen.h> <torch/nn/module.h> <torch/nn/pimpl.h>
    <torch/nn/modules/linear.h> <torch/nn/modules/activation.h> <map> <memory> <string> <vector>)
endfunction()

# A test program over GoogleTest and the conformance kit (backobs/testing/*.h), <name>.cpp unless SOURCES are given. It
# finds the file of the plugin it is about in the macro BACKOBS_PLUGIN_FILE.
function(backobs_add_test name)
  cmake_parse_arguments(test "" "PLUGIN" "SOURCES" ${ARGN})
  if(NOT test_SOURCES)
    set(test_SOURCES ${name}.cpp)
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE backobs::backobs GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)
  if(test_PLUGIN)
    add_dependencies(${name} ${test_PLUGIN})
    target_compile_definitions(${name} PRIVATE BACKOBS_PLUGIN_FILE="$<TARGET_FILE:${test_PLUGIN}>")
  endif()
  backobs_program(${name})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# Options of every program that links libbackobs: the right BLAS (see BackobsTorch.cmake), wherever it is installed.
function(backobs_program target)
  if(TARGET backobs_options)
    target_link_libraries(${target} PRIVATE backobs_options)
  endif()
  set_property(TARGET ${target} APPEND PROPERTY INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  set_property(TARGET ${target} PROPERTY INSTALL_RPATH_USE_LINK_PATH ON)
  if(BACKOBS_OPENBLAS_OPENMP)
    target_link_options(${target} PRIVATE LINKER:--disable-new-dtags)
    set_property(TARGET ${target} APPEND PROPERTY BUILD_RPATH ${BACKOBS_OPENBLAS_OPENMP})
    set_property(TARGET ${target} APPEND PROPERTY INSTALL_RPATH ${BACKOBS_OPENBLAS_OPENMP})
  endif()
endfunction()

function(_backobs_compile_as_plugin target)
  set_target_properties(${target} PROPERTIES
    DEFINE_SYMBOL "" CXX_STANDARD 17 CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

function(_backobs_add_plugin kind name)
  cmake_parse_arguments(plugin "" "VERSION;AUTHOR;OUTPUT_DIRECTORY" "SOURCES" ${ARGN})
  if(NOT plugin_SOURCES)
    set(plugin_SOURCES ${name}.cpp)
  endif()
  if(NOT plugin_VERSION)
    set(plugin_VERSION ${PROJECT_VERSION})
  endif()
  if(NOT plugin_VERSION)
    set(plugin_VERSION 0.0.0)
  endif()
  if(NOT plugin_AUTHOR)
    set(plugin_AUTHOR "${PROJECT_NAME} authors")
  endif()
  if(NOT plugin_OUTPUT_DIRECTORY)
    set(plugin_OUTPUT_DIRECTORY ${BACKOBS_PLUGIN_DIRECTORY})
  endif()
  set(installed_directory ${CMAKE_BINARY_DIR}/plugins)
  if(NOT plugin_OUTPUT_DIRECTORY)
    set(plugin_OUTPUT_DIRECTORY ${installed_directory})
  endif()

  set(target ${kind}_${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  target_link_libraries(${target} PRIVATE backobs::backobs)
  if(TARGET backobs_options)
    target_link_libraries(${target} PRIVATE backobs_options)
  endif()
  set_source_files_properties(${plugin_SOURCES} PROPERTIES COMPILE_DEFINITIONS
    "BACKOBS_PLUGIN_NAME=\"${name}\";BACKOBS_PLUGIN_VERSION=\"${plugin_VERSION}\";BACKOBS_PLUGIN_AUTHOR=\"${plugin_AUTHOR}\"")
  _backobs_compile_as_plugin(${target})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${plugin_OUTPUT_DIRECTORY})
  if(TARGET backobs_plugins)
    add_dependencies(backobs_plugins ${target})
  endif()
  if(TARGET backobs_precompiled)
    target_precompile_headers(${target} REUSE_FROM backobs_precompiled)
  endif()
  if(plugin_OUTPUT_DIRECTORY STREQUAL installed_directory)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/backobs/plugins COMPONENT runtime)
  endif()
endfunction()
