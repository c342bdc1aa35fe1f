# Warnings, sanitizers, ccache: the same for everything in the tree.

add_library(backobs_options INTERFACE)
target_compile_options(backobs_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${BACKOBS_WERROR}>:-Werror>)
if(BACKOBS_SANITIZE)
  target_compile_options(backobs_options INTERFACE -fsanitize=${BACKOBS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(backobs_options INTERFACE -fsanitize=${BACKOBS_SANITIZE})
else()
  target_link_options(backobs_options INTERFACE LINKER:-z,defs)
endif()

if(BACKOBS_CCACHE)
  find_program(CCACHE ccache)
  if(CCACHE)
    # Precompiled headers need the sloppiness, and -fpch-preprocess to be cached correctly.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
    target_compile_options(backobs_options INTERFACE -fpch-preprocess)
  endif()
endif()

# Options of every executable: find plugins' host symbols in libbackobs, and the right BLAS (see Dependencies.cmake).
function(backobs_program target)
  target_link_libraries(${target} PRIVATE backobs_options)
  if(BACKOBS_OPENBLAS_OPENMP)
    target_link_options(${target} PRIVATE LINKER:--disable-new-dtags)
    set_property(TARGET ${target} APPEND PROPERTY BUILD_RPATH ${BACKOBS_OPENBLAS_OPENMP})
    set_property(TARGET ${target} APPEND PROPERTY INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" ${BACKOBS_OPENBLAS_OPENMP})
  endif()
endfunction()
