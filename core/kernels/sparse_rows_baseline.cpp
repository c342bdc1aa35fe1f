// SPDX-License-Identifier: MIT
#include "kernels/sparse_rows_body.h"

namespace backobs::sparse {

const InstructionSet kBaseline{"baseline", &kSingle, &kDouble};

}  // namespace backobs::sparse
