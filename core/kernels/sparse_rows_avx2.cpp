// SPDX-License-Identifier: MIT
// Compiled for processors with these instructions; elsewhere there is nothing in it.
#include "kernels/sparse_rows_body.h"

namespace backobs::sparse {

#if defined(__AVX2__)
const InstructionSet kAvx2{"avx2", &kSingle, &kDouble};
#else
const InstructionSet kAvx2{"avx2", nullptr, nullptr};
#endif

}  // namespace backobs::sparse
