# One plugin from one source file, in this tree or outside it:
#
#   backobs_add_extension(diag_ggn_exact)                 # diag_ggn_exact.cpp -> <build>/plugins/diag_ggn_exact.so
#   backobs_add_problem(my_problem SOURCES a.cpp b.cpp VERSION 1.2.0 AUTHOR "Ada")
#
# The target's name is <kind>_<name>; the plugin's name is the file's stem.

function(backobs_add_problem name)
  _backobs_add_plugin(problem ${name} ${ARGN})
endfunction()
function(backobs_add_extension name)
  _backobs_add_plugin(extension ${name} ${ARGN})
endfunction()
function(backobs_add_runner name)
  _backobs_add_plugin(runner ${name} ${ARGN})
endfunction()

function(_backobs_add_plugin kind name)
  cmake_parse_arguments(plugin "" "VERSION;AUTHOR;OUTPUT_DIRECTORY" "SOURCES" ${ARGN})
  if(NOT plugin_SOURCES)
    set(plugin_SOURCES ${name}.cpp)
  endif()
  if(NOT plugin_VERSION)
    set(plugin_VERSION ${PROJECT_VERSION})
  endif()
  if(NOT plugin_AUTHOR)
    set(plugin_AUTHOR "BackOBS authors")
  endif()
  if(NOT plugin_OUTPUT_DIRECTORY)
    set(plugin_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  endif()

  set(target ${kind}_${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  target_link_libraries(${target} PRIVATE backobs::backobs)
  if(TARGET backobs_options)
    target_link_libraries(${target} PRIVATE backobs_options)
  endif()
  set_source_files_properties(${plugin_SOURCES} PROPERTIES COMPILE_DEFINITIONS
    "BACKOBS_PLUGIN_NAME=\"${name}\";BACKOBS_PLUGIN_VERSION=\"${plugin_VERSION}\";BACKOBS_PLUGIN_AUTHOR=\"${plugin_AUTHOR}\"")
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} DEFINE_SYMBOL ""
    CXX_STANDARD 17 CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${plugin_OUTPUT_DIRECTORY})
  if(TARGET backobs_plugins)
    add_dependencies(backobs_plugins ${target})
  endif()
  if(TARGET backobs_precompiled)
    target_precompile_headers(${target} REUSE_FROM backobs_precompiled)
  endif()
endfunction()
