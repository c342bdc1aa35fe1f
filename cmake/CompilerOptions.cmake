# Warnings, sanitizers, ccache: the same for everything in the tree.

add_library(backobs_options INTERFACE)
target_compile_options(backobs_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${BACKOBS_WERROR}>:-Werror>)
# at::parallel_for is a template: where LibTorch is built with OpenMP, code that uses it without OpenMP stays on one thread.
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(backobs_options INTERFACE OpenMP::OpenMP_CXX)
if(BACKOBS_SANITIZE)
  # GCC takes what the checks add for uses of uninitialised members in LibTorch's headers.
  target_compile_options(backobs_options INTERFACE -fsanitize=${BACKOBS_SANITIZE} -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)
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
