// SPDX-License-Identifier: MIT
#include "kernels/instructions_body.h"

namespace backobs {

const InstructionSet kBaseline{"baseline", &kSingle, &kDouble};

}  // namespace backobs
