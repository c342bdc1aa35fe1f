// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

namespace backobs {

/// R_n = Q diag(l) Q^T of symmetric matrices [n, H, H]: factors sqrt|l_r| q_r, [R, n, H], with the signs of l, [R, n].
/// Columns that vanish for every sample are left out.
Residual signed_factors(const Tensor& matrices);
/// The same of block-diagonal matrices given by their blocks, [n, B, H, H]: factors [R, n, B, H], each in one block.
Residual signed_block_factors(const Tensor& blocks);

}  // namespace backobs
