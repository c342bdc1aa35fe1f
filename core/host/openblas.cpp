// SPDX-License-Identifier: MIT
#include "host/openblas.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

namespace backobs {
namespace {

template <class Function>
Function* openblas_function(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

/// The oldest name of kernels that use what this processor has; null if it has no AVX2 either.
const char* kernels_of_processor() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return nullptr;
}

/// OpenBLAS reads the variable each time it chooses. Its own load and unload hooks are the way to have it choose again;
/// that is safe here, before the first product and before there is a second thread.
void choose_again(const char* kernels) {
  const auto quit = openblas_function<void()>("gotoblas_dynamic_quit");
  const auto init = openblas_function<void()>("gotoblas_dynamic_init");
  if (!quit || !init) return;
  ::setenv("OPENBLAS_CORETYPE", kernels, 1);
  quit();
  init();
  ::unsetenv("OPENBLAS_CORETYPE");
}

/// Runs when the library is loaded, after the constructors of the libraries it needs, so that the program, test programs
/// and those of plugin authors all compute with the same kernels.
__attribute__((constructor)) void use_kernels_of_processor() {
  if (std::getenv("OPENBLAS_CORETYPE") || !predates_avx2(openblas_kernels())) return;
  if (const char* kernels = kernels_of_processor()) choose_again(kernels);
}

}  // namespace

std::string openblas_kernels() {
  const auto name = openblas_function<char*()>("openblas_get_corename");
  return name ? name() : "";
}

bool predates_avx2(const std::string& kernels) {
  const auto old = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Atom", "Nano"};
  return std::find(old.begin(), old.end(), kernels) != old.end();
}

}  // namespace backobs
