# Everything the project does not exist for comes from a library. What is missing is reported all at once, with the
# Debian package that brings it.

set(BACKOBS_MISSING "")
macro(backobs_require found debian what)
  if(NOT ${found})
    list(APPEND BACKOBS_MISSING "  ${what}: Debian package ${debian}")
  endif()
endmacro()

find_package(Torch QUIET)
backobs_require(Torch_FOUND libtorch-dev "LibTorch (or -DTorch_DIR=<its share/cmake/Torch>)")
find_package(Boost 1.74 QUIET COMPONENTS filesystem)
backobs_require(Boost_FOUND "libboost-dev libboost-filesystem-dev" "Boost (DLL, filesystem)")
find_package(yaml-cpp QUIET)
backobs_require(yaml-cpp_FOUND libyaml-cpp-dev "yaml-cpp")
find_package(spdlog QUIET)
backobs_require(spdlog_FOUND libspdlog-dev "spdlog")
find_package(nlohmann_json QUIET)
backobs_require(nlohmann_json_FOUND nlohmann-json3-dev "nlohmann-json")
find_package(CLI11 QUIET)
backobs_require(CLI11_FOUND libcli11-dev "CLI11")
find_package(ZLIB QUIET)
backobs_require(ZLIB_FOUND zlib1g-dev "zlib")
find_package(OpenSSL QUIET COMPONENTS Crypto)
backobs_require(OPENSSL_FOUND libssl-dev "OpenSSL (checksums)")
find_package(CURL QUIET)
backobs_require(CURL_FOUND libcurl4-openssl-dev "libcurl")
find_package(Threads REQUIRED)
if(BACKOBS_BUILD_TESTS)
  find_package(GTest QUIET)
  backobs_require(GTest_FOUND libgtest-dev "GoogleTest (or -DBACKOBS_BUILD_TESTS=OFF)")
  if(BACKOBS_BUILD_BENCHMARKS)
    find_package(benchmark QUIET)
    backobs_require(benchmark_FOUND libbenchmark-dev "Google Benchmark (or -DBACKOBS_BUILD_BENCHMARKS=OFF)")
  endif()
endif()

if(BACKOBS_MISSING)
  list(JOIN BACKOBS_MISSING "\n" missing)
  message(FATAL_ERROR "These libraries were not found:\n${missing}\nOn Debian, scripts/setup installs them.")
endif()

# LibTorch's headers are not ours to warn about, and its flags must not leak into ours beyond what its ABI needs.
add_library(backobs_torch INTERFACE)
add_library(backobs::torch ALIAS backobs_torch)
target_include_directories(backobs_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(backobs_torch INTERFACE ${TORCH_LIBRARIES})
string(REGEX MATCHALL "-D_GLIBCXX_USE_CXX11_ABI=[01]" torch_abi "${TORCH_CXX_FLAGS}")
target_compile_options(backobs_torch INTERFACE ${torch_abi})

# The exact libraries a plugin must share with the host, by soname: headers of 1.13.1 still say 1.13.0.
function(backobs_soname library result)
  find_library(path_${library} ${library} HINTS ${TORCH_INSTALL_PREFIX}/lib PATHS ${TORCH_INSTALL_PREFIX}/lib)
  execute_process(COMMAND ${CMAKE_READELF} -d ${path_${library}} OUTPUT_VARIABLE dynamic ERROR_QUIET)
  string(REGEX MATCH "SONAME[^\n]*\\[([^]\n]+)\\]" ignored "${dynamic}")
  set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()
backobs_soname(c10 soname_c10)
backobs_soname(torch_cpu soname_torch_cpu)
set(BACKOBS_TORCH_SONAMES "${soname_c10} ${soname_torch_cpu}")
message(STATUS "LibTorch ${Torch_VERSION} (${BACKOBS_TORCH_SONAMES})")

# Debian's LibTorch calls libblas.so.3, whichever is installed. The OpenMP build of OpenBLAS shares LibTorch's threads;
# an old-style rpath in the programs selects it without touching the system's alternatives.
find_path(BACKOBS_OPENBLAS_OPENMP libblas.so.3
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH DOC "Folder of the OpenMP OpenBLAS")
