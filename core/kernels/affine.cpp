// SPDX-License-Identifier: MIT
#include "kernels/affine.h"

#include <ATen/ATen.h>

namespace backobs::affine {
namespace {

/// [.., n, S, G, F] -> [G, .. n S, F], the shape in which groups are a batch of matrices.
Tensor by_group(const Tensor& t) { return t.reshape({-1, t.size(-2), t.size(-1)}).transpose(0, 1); }

/// sum over rows of a^T b per group: [.., G, C], [.., G, K] -> [G, C, K]; one plain product if there is one group.
Tensor contract_rows(const Tensor& a, const Tensor& b) {
  if (a.size(-2) == 1) return a.reshape({-1, a.size(-1)}).t().mm(b.reshape({-1, b.size(-1)})).unsqueeze(0);
  return by_group(a).transpose(1, 2).bmm(by_group(b));
}

/// sum_v sign z^2, one position: [n, G, C].
Tensor summed_squares(const Tensor& z, const Tensor& signs) {
  const auto squares = z.squeeze(2).square();
  if (!signs.defined()) return squares.size(0) == 1 ? squares.squeeze(0) : squares.sum(0);
  return (squares * signs.unsqueeze(-1).unsqueeze(-1)).sum(0);
}

Tensor drop_single_group(const Tensor& t) { return t.size(0) == 1 ? t.squeeze(0) : t; }

}  // namespace

Tensor columns(const Tensor& z, const Tensor& x) {
  if (x.size(1) == 1) return z.squeeze(2).unsqueeze(-1) * x.squeeze(1).unsqueeze(2);  // [V, n, G, C, 1] * [n, G, 1, K]
  return at::matmul(z.permute({0, 1, 3, 4, 2}), x.transpose(1, 2).unsqueeze(0));      // [V, n, G, C, S] [1, n, G, S, K]
}

Tensor sum(const Tensor& z, const Tensor& x) {
  return contract_rows(z.size(0) == 1 ? z.squeeze(0) : z.sum(0), x);
}

Tensor sum_squares(const Tensor& z, const Tensor& signs, const Tensor& x) {
  if (x.size(1) == 1) return contract_rows(summed_squares(z, signs), x.squeeze(1).square());
  return sample_squares(z, signs, x).sum(0);
}

Tensor sample_squares(const Tensor& z, const Tensor& signs, const Tensor& x) {
  if (x.size(1) == 1) return summed_squares(z, signs).unsqueeze(-1) * x.squeeze(1).square().unsqueeze(2);
  Tensor result;
  for (int64_t v = 0; v < z.size(0); ++v) {  // one column at a time bounds memory at [n, G, C, K]
    auto squares = columns(z.narrow(0, v, 1), x).squeeze(0).square();
    if (signs.defined()) squares *= signs[v].view({-1, 1, 1, 1});
    result = result.defined() ? result.add_(squares) : squares;
  }
  return result;
}

Tensor sum_squares_from(const Tensor& q, const Tensor& x) {
  return q.t().mm(x.squeeze(1).squeeze(1).square()).unsqueeze(0);
}

Tensor sample_squares_from(const Tensor& q, const Tensor& x) {
  return q.unsqueeze(1).unsqueeze(-1) * x.squeeze(1).square().unsqueeze(2);
}

Tensor squared_norms(const Tensor& z, const Tensor& x) {
  if (x.size(1) == 1) return (z.squeeze(2).square().sum(-1) * x.squeeze(1).square().sum(-1)).sum(-1);
  return columns(z, x).square().sum({2, 3, 4});
}

Tensor inner_products(const Tensor& z, const Tensor& x, const Tensor& w) {
  // sum_s z . (W x): W x is the layer's output without bias.
  const auto wx = at::matmul(w, x.unsqueeze(-1)).squeeze(-1);  // [n, S, G, C]
  return (z * wx.unsqueeze(0)).sum({2, 3, 4});
}

Tensor input_moment(const Tensor& x) { return drop_single_group(contract_rows(x, x)); }

Tensor output_moment(const Tensor& z) {
  const auto positions_summed = z.size(2) == 1 ? z.squeeze(2) : z.sum(2);  // [V, n, G, C]
  return drop_single_group(contract_rows(positions_summed, positions_summed));
}

}  // namespace backobs::affine
