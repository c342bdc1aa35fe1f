# The target backobs::torch: LibTorch's headers and libraries without the rest of what its package says. In this tree and
# in find_package(backobs); Torch must have been found.

# LibTorch's headers are not ours to warn about, and its flags must not leak into ours beyond what its ABI needs.
if(NOT TARGET backobs_torch)
  add_library(backobs_torch INTERFACE)
  add_library(backobs::torch ALIAS backobs_torch)
  target_include_directories(backobs_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(backobs_torch INTERFACE ${TORCH_LIBRARIES})
  string(REGEX MATCHALL "-D_GLIBCXX_USE_CXX11_ABI=[01]" torch_abi "${TORCH_CXX_FLAGS}")
  target_compile_options(backobs_torch INTERFACE ${torch_abi})
endif()

# The exact libraries a plugin must share with the host, by soname: headers of 1.13.1 still say 1.13.0.
function(_backobs_soname library result)
  find_library(path_${library} ${library} HINTS ${TORCH_INSTALL_PREFIX}/lib PATHS ${TORCH_INSTALL_PREFIX}/lib)
  execute_process(COMMAND ${CMAKE_READELF} -d ${path_${library}} OUTPUT_VARIABLE dynamic ERROR_QUIET)
  string(REGEX MATCH "SONAME[^\n]*\\[([^]\n]+)\\]" ignored "${dynamic}")
  set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  unset(path_${library} CACHE)
endfunction()
_backobs_soname(c10 soname_c10)
_backobs_soname(torch_cpu soname_torch_cpu)
set(BACKOBS_FOUND_TORCH_SONAMES "${soname_c10} ${soname_torch_cpu}")

# Debian's LibTorch calls libblas.so.3, whichever is installed. The OpenMP build of OpenBLAS shares LibTorch's threads;
# an old-style rpath in the programs selects it without touching the system's alternatives.
find_path(BACKOBS_OPENBLAS_OPENMP libblas.so.3
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH DOC "Folder of the OpenMP OpenBLAS")
mark_as_advanced(BACKOBS_OPENBLAS_OPENMP)
