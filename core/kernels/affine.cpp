// SPDX-License-Identifier: MIT
#include "kernels/affine.h"

#include "kernels/affine_products.h"
#include "kernels/outer_products.h"
#include "kernels/sparse_matrices.h"
#include "kernels/symmetric_product.h"

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

/// scale sum_i r[i] r[i]^T.
Tensor moment_of_rows(const Tensor& rows, double scale) { return symmetric_product(rows.t(), rows, scale); }

bool has_one_position(const Tensor& x) { return x.size(1) == 1; }

}  // namespace

Tensor columns(const Tensor& z, const Tensor& x, const Tensor& addend) {
  if (has_one_position(x)) return outer_products(z.squeeze(2), x.squeeze(1), addend);
  Products products;
  products.addend = addend;
  products.columns = at::empty({z.size(0), z.size(1), z.size(3), z.size(4), x.size(3)}, z.options());
  form(z, {}, x, products);
  return products.columns;
}

Tensor sum(const Tensor& z, const Tensor& x) {
  const auto one = z.size(0) == 1 ? z.squeeze(0) : z.sum(0);
  return has_one_position(x) ? contract_rows(one, x) : contract_samples(one, x);
}

Tensor sum_squares(const Tensor& z, const Tensor& signs, const Tensor& x) {
  if (has_one_position(x)) return contract_rows(summed_squares(z, signs), x.squeeze(1).square());
  Products products;
  products.sum_squares = at::zeros({z.size(3), z.size(4), x.size(3)}, z.options());
  form(z, signs, x, products);
  return products.sum_squares;
}

Tensor sample_squares(const Tensor& z, const Tensor& signs, const Tensor& x) {
  if (has_one_position(x)) return outer_products(summed_squares(z, signs).unsqueeze(0), x.squeeze(1).square()).squeeze(0);
  Products products;
  products.sample_squares = at::zeros({z.size(1), z.size(3), z.size(4), x.size(3)}, z.options());
  form(z, signs, x, products);
  return products.sample_squares;
}

Tensor sum_squares_from(const Tensor& q, const Tensor& x) {
  return q.t().mm(x.squeeze(1).squeeze(1).square()).unsqueeze(0);
}

Tensor sample_squares_from(const Tensor& q, const Tensor& x) {
  return outer_products(q.unsqueeze(1).unsqueeze(0), x.squeeze(1).square()).squeeze(0);
}

bool norms_by_positions(const Tensor& z, int64_t in) {
  const auto positions = z.size(2), out = z.size(4);
  return positions > 1 && positions * (out + in) < out * in;
}

Tensor squared_norms(const Tensor& z, const Tensor& x) {
  if (has_one_position(x)) return (z.squeeze(2).square().sum(-1) * x.squeeze(1).square().sum(-1)).sum(-1);
  if (norms_by_positions(z, x.size(3))) return squared_norms_by_positions(z, x);
  Products products;
  products.squared_norms = at::zeros({z.size(0), z.size(1)}, z.options());
  form(z, {}, x, products);
  return products.squared_norms;
}

Tensor inner_products(const Tensor& z, const Tensor& x, const Tensor& w) {
  if (!has_one_position(x)) return inner_products_by_positions(z, x, w);
  const auto wx = by_group(x).bmm(w.transpose(1, 2)).transpose(0, 1);  // the layer's output without bias, [n, G, C]
  return (z.squeeze(2) * wx.unsqueeze(0)).sum({2, 3});
}

Tensor input_moment(const Tensor& x, double scale) {
  if (x.size(2) == 1 && has_one_position(x)) {
    const auto rows = x.flatten(0, 2), sparse_moment = sparse::moment(rows, scale);
    return sparse_moment.defined() ? sparse_moment : moment_of_rows(rows, scale);
  }
  return drop_single_group(has_one_position(x) ? contract_rows(x, x) : contract_samples(x, x)).mul_(scale);
}

Tensor output_moment(const Tensor& zs) {
  if (zs.size(2) == 1) return moment_of_rows(zs.reshape({-1, zs.size(3)}), 1);
  return contract_rows(zs, zs);
}

Tensor scale_columns(const Tensor& z, const Tensor& x) {
  if (x.size(1) == 1) return z.squeeze(2) * x.squeeze(1);
  // A product of [V, S] and [S] for each sample and feature; with positions last in memory nothing is copied.
  const auto products = at::matmul(z.permute({1, 3, 4, 0, 2}), x.permute({0, 2, 3, 1}).unsqueeze(-1));  // [n, G, C, V, 1]
  return products.squeeze(-1).permute({3, 0, 1, 2});
}

}  // namespace backobs::affine
