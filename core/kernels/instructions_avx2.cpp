// SPDX-License-Identifier: MIT
// Compiled for processors with these instructions; elsewhere there is nothing in it.
#include "kernels/instructions_body.h"

namespace backobs {

#if defined(__AVX2__)
const InstructionSet kAvx2{"avx2", &kSingle, &kDouble};
#else
const InstructionSet kAvx2{"avx2", nullptr, nullptr};
#endif

}  // namespace backobs
