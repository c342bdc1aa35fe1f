// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/loss.h>

namespace backobs {

/// A loss whose Hessian is diagonal in the outputs of a sample: H_n = diag(h_n). Its root is diag(sqrt(h_n)), one column
/// per output entry in the order of the outputs, each flattened.
class DiagonalHessianLoss : public LossRule {
 public:
  using LossRule::LossRule;

  int64_t columns(const LossIO& io) const override;
  TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const override;
  /// sqrt(h / M) xi, xi ~ N(0, I).
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override;
  Tensor summed_hessian(const LossIO& io, std::size_t output) const override;

 protected:
  /// sqrt(h), one [n, *out_i] per output; the divisor included.
  virtual TensorList roots(const LossIO& io) const = 0;
};

}  // namespace backobs
