// SPDX-License-Identifier: MIT
// Compiled for processors with these instructions; elsewhere there is nothing in it.
#include "kernels/instructions_body.h"

namespace backobs {

#if defined(__AVX512F__)
const InstructionSet kAvx512{"avx512", &kSingle, &kDouble};
#else
const InstructionSet kAvx512{"avx512", nullptr, nullptr};
#endif

}  // namespace backobs
