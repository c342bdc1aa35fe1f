// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <string>

/// OpenBLAS picks the kernels of its matrix products by the processor's model number, when it is loaded. A model that is
/// younger than the library falls through to kernels of 2004 ("Prescott", SSE3): 0.3.21 of Debian 12 computes 20 GFLOP/s
/// on a 2023 server whose AVX-512 kernels reach 150. As libbackobs is loaded, it has OpenBLAS choose again by what the
/// processor can do, unless OPENBLAS_CORETYPE says which kernels are wanted.
namespace backobs {

/// Name of the kernels in use, "SkylakeX"; empty where the BLAS is not OpenBLAS.
BACKOBS_API std::string openblas_kernels();

/// Whether kernels of that name leave AVX2 unused.
BACKOBS_API bool predates_avx2(const std::string& kernels);

}  // namespace backobs
