// SPDX-License-Identifier: MIT
#include "losses/diagonal_hessian.h"

#include "losses/shapes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace backobs {

int64_t DiagonalHessianLoss::columns(const LossIO& io) const {
  int64_t total = 0;
  for (const auto& output : io.outputs) total += features(output);
  return total;
}

TensorList DiagonalHessianLoss::sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const {
  TensorList result;
  int64_t offset = 0;  // of this output's first column
  for (const auto& root : roots(io)) {
    const auto size = features(root);
    const auto begin = std::clamp<int64_t>(first - offset, 0, size), end = std::clamp<int64_t>(first + count - offset, 0, size);
    auto s = at::zeros({count, root.size(0), size}, root.options());
    if (begin < end) {
      const auto rows = s.narrow(0, offset + begin - first, end - begin);
      at::diagonal(rows, begin, 0, 2).copy_(root.reshape({root.size(0), size}).narrow(1, begin, end - begin));
    }
    result.push_back(s.view(columns_shape(root, count)));
    offset += size;
  }
  return result;
}

TensorList DiagonalHessianLoss::sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const {
  TensorList result;
  for (const auto& root : roots(io)) {
    const auto xi = at::randn(columns_shape(root, draws), generator, at::kDouble).to(root.options());
    result.push_back(xi * root / std::sqrt(static_cast<double>(draws)));
  }
  return result;
}

Tensor DiagonalHessianLoss::summed_hessian(const LossIO& io, std::size_t output) const {
  const auto root = roots(io)[output];
  return at::diag(root.reshape({root.size(0), -1}).square().sum(0));
}

}  // namespace backobs
