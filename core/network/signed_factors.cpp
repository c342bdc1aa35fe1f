// SPDX-License-Identifier: MIT
#include "network/signed_factors.h"

#include <ATen/ATen.h>

namespace backobs {

Residual signed_factors(const Tensor& matrices) {
  auto residual = signed_block_factors(matrices.unsqueeze(1));
  residual.factors.front() = residual.factors.front().squeeze(2);
  return residual;
}

Residual signed_block_factors(const Tensor& blocks) {
  const auto [values, vectors] = at::linalg_eigh((blocks + blocks.transpose(2, 3)) / 2);
  const auto samples = blocks.size(0), count = blocks.size(1), size = blocks.size(2);
  auto factors = at::zeros({count, size, samples, count, size}, blocks.options());  // block, column, n, block, entry
  const auto in_block = vectors * values.abs().sqrt().unsqueeze(2);                  // n, block, entry, column
  at::diagonal(factors, 0, 0, 3).copy_(in_block.permute({3, 0, 2, 1}));              // column, n, entry, block
  const auto columns = values.permute({1, 2, 0}).reshape({count * size, samples});
  const auto largest = columns.abs().amax(1);
  const auto kept = at::nonzero(largest > 1e-13 * largest.max()).flatten();
  Residual residual;
  residual.signs = columns.sign().index_select(0, kept);
  residual.factors = {factors.reshape({count * size, samples, count, size}).index_select(0, kept)};
  return residual;
}

}  // namespace backobs
