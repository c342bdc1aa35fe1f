// SPDX-License-Identifier: MIT
#include <backobs/layer.h>

#include "kernels/symmetric_product.h"

#include <ATen/ATen.h>

namespace backobs {

TensorList ElementwiseRule::jac_t(const LayerIO& io, const Tensor& columns) const { return {columns * df(io)}; }

/// sum_n diag(f'_n) M diag(f'_n) = M o sum_n f'_n f'_n^T.
Tensor ElementwiseRule::sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const {
  const auto slope = df(io).flatten(1);
  return symmetric_product(slope.t(), slope).mul_(mat);
}

Residual ElementwiseRule::residual(const LayerIO& io, const Tensor& grad) const {
  Residual residual;
  if (const auto curvature = d2f(io); curvature.defined()) residual.diagonal = curvature * grad;
  return residual;
}

}  // namespace backobs
