// SPDX-License-Identifier: MIT
#include "walk/quantities.h"

#include "kernels/affine.h"
#include "kernels/affine_products.h"

#include <ATen/ATen.h>

namespace backobs {

using What = Need::What;

/// A weight with several positions: every value that needs the products A[v,n] takes them from one forming, so that no
/// product is formed twice, and none is held that nobody asked for. Products are the same whoever takes them: an extension
/// changes no other number.
void ParameterQuantities::add_fused_values(const std::string& local_name, Arrival& arrival) {
  const auto& rule = arrival.rule;
  const auto& key = arrival.key;
  const auto& tile = arrival.tile;
  const auto total_columns = arrival.total_columns;
  const auto &z = arrival.z(), &signs = arrival.dense().signs;
  const auto* windows = windows_of(arrival);
  const auto x = windows ? Tensor() : input_of(rule, arrival.io);
  const auto form = [&](const Tensor& columns, const Tensor& their_signs, const affine::Products& wanted) {
    if (windows) sparse::form(columns, their_signs, *windows, wanted);
    else affine::form(columns, their_signs, x.narrow(0, 0, columns.size(1)), wanted);
  };
  const auto shaped = [&](const Tensor& value) { return rule.from_affine(local_name, value); };
  const auto v = z.size(0), n = z.size(1), groups = z.size(3), out = z.size(4), in = value_.numel() / (groups * out);
  const bool penalised = penalty_ != 0 && key == SignalKey::gradient();
  const bool norms_from_products = needs(What::squared_norms, key) && (windows || !affine::norms_by_positions(z, in));
  const auto zeros = [&](bool wanted, at::IntArrayRef shape) { return wanted ? at::zeros(shape, z.options()) : Tensor(); };

  affine::Products products;
  if (needs(What::columns, key) || (penalised && needs(What::sample_squares, key)))
    products.columns = at::empty({v, n, groups, out, in}, z.options());
  products.sample_squares = zeros(needs(What::sample_squares, key) && !penalised, {n, groups, out, in});
  products.sum_squares = zeros(needs(What::sum_squares, key), {groups, out, in});
  products.squared_norms = zeros(norms_from_products, {v, n});
  if (penalised && (products.columns.defined() || norms_from_products))
    products.addend = penalty_share(rule, local_name, {groups, out, in}, tile);
  if (needs(What::variance, key)) {
    // One sample's gradient as the shift of all tiles: what is squared has the size of the spread, not of the mean.
    if (!shift_.defined()) {
      affine::Products first;
      first.columns = at::empty({1, 1, groups, out, in}, z.options());
      form(z.narrow(1, 0, 1), {}, first);
      shift_ = first.columns[0][0];
    }
    products.shift = shift_;
    products.shifted_sum = at::zeros_like(shift_);
    products.shifted_squares = at::zeros_like(shift_);
  }
  if (products.any()) form(z, signs, products);

  if (needs(What::variance, key))
    accumulate_moments(shaped(products.shifted_sum).to(at::kDouble), shaped(products.shifted_squares).to(at::kDouble));
  if (needs(What::sum_squares, key)) accumulate(What::sum_squares, key, shaped(products.sum_squares));
  Tensor individual;
  if (products.columns.defined()) individual = shaped(products.columns);
  if (needs(What::columns, key)) join(What::columns, key, individual, 1, tile, total_columns);
  if (needs(What::sample_squares, key))
    join(What::sample_squares, key, penalised ? individual.square().sum(0) : shaped(products.sample_squares), 0, tile,
         total_columns);
  if (norms_from_products) join(What::squared_norms, key, products.squared_norms, 1, tile, total_columns);
  else if (needs(What::squared_norms, key)) add_norms(rule, local_name, key, z, x, tile, total_columns);
}

}  // namespace backobs
