// SPDX-License-Identifier: MIT
#include "signals/columns.h"

#include "network/in_place.h"

#include <ATen/ATen.h>

namespace backobs {
namespace {

/// Every holder counts: another handle on the tensor, or one on a view of it.
bool is_held_once(const Tensor& tensor) {
  return tensor.defined() && tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.is_non_overlapping_and_dense();
}

}  // namespace

Tensor written_out(const Tensor& diagonal, int64_t first, int64_t count) {
  const auto flat = diagonal.flatten(1);
  auto dense = at::zeros({count, flat.size(0), flat.size(1)}, flat.options());
  at::diagonal(dense, first, 0, 2).copy_(flat.narrow(1, first, count));
  auto shape = diagonal.sizes().vec();
  shape.insert(shape.begin(), count);
  return dense.view(shape);
}

Columns Columns::written_out() const {
  if (dense.defined()) return *this;
  Columns result;
  result.dense = backobs::written_out(diagonal, first, count);
  if (signs.defined()) result.signs = signs.flatten(1).narrow(1, first, count).t();
  return result;
}

std::vector<Columns> columns_of(const Residual& residual) {
  if (residual.diagonal.defined()) {
    Columns columns;
    columns.diagonal = residual.diagonal.abs().sqrt_();
    columns.signs = residual.diagonal.sign();
    columns.count = residual.diagonal.numel() / residual.diagonal.size(0);
    return {columns};
  }
  std::vector<Columns> result;
  for (const auto& factor : residual.factors) {
    result.emplace_back();
    result.back().dense = factor;
    result.back().signs = residual.signs;
  }
  return result;
}

int64_t column_count(const Residual& residual) {
  if (residual.diagonal.defined()) return residual.diagonal.numel() / residual.diagonal.size(0);
  return residual.empty() ? 0 : residual.signs.size(0);
}

Columns narrow(const Columns& columns, int64_t first, int64_t count) {
  auto part = columns;
  if (columns.diagonal.defined()) {
    part.first = columns.first + first;
    part.count = count;
  } else if (columns.dense.defined()) {
    part.dense = columns.dense.narrow(0, first, count);
    if (columns.signs.defined()) part.signs = columns.signs.narrow(0, first, count);
  }
  return part;
}

Columns narrow_samples(const Columns& columns, int64_t first, int64_t count) {
  auto part = columns;
  if (columns.diagonal.defined()) part.diagonal = columns.diagonal.narrow(0, first, count);
  if (columns.dense.defined()) part.dense = columns.dense.narrow(1, first, count);
  if (columns.signs.defined()) part.signs = columns.signs.narrow(columns.dense.defined() ? 1 : 0, first, count);
  return part;
}

Columns add(const Columns& a, const Columns& b) {
  if (!a.defined()) return b;
  if (!b.defined()) return a;
  auto sum = a;
  if (a.diagonal.defined() && b.diagonal.defined()) {
    sum.diagonal = a.diagonal + b.diagonal;
    return sum;
  }
  sum = a.written_out();
  // Out of place: a branch may have passed on the very tensor that another one still reads.
  sum.dense = sum.dense + b.written_out().dense;
  return sum;
}

std::vector<Columns> pull_back(const LayerRule& rule, const LayerIO& io, Columns columns) {
  if (const auto* in_place = dynamic_cast<const InPlaceRule*>(&rule); in_place && is_held_once(columns.dense)) {
    in_place->jac_t_in_place(io, columns.dense);
    return {columns};
  }
  std::vector<Columns> result;
  const bool stays_diagonal = columns.diagonal.defined() && rule.is_pointwise();
  TensorList pulled;
  if (stays_diagonal)
    pulled = rule.jac_t(io, columns.diagonal.unsqueeze(0));
  else if (columns.diagonal.defined())
    pulled = rule.jac_t_diagonal(io, columns.diagonal, columns.first, columns.count);
  else
    pulled = rule.jac_t(io, columns.dense);
  for (const auto& value : pulled) {
    auto& part = result.emplace_back(columns);
    part.dense = part.diagonal = Tensor();
    if (stays_diagonal) {
      part.diagonal = value.squeeze(0);
      if (part.signs.defined()) part.signs = part.signs.reshape(part.diagonal.sizes());
    } else {
      part.dense = value;
      if (columns.diagonal.defined() && columns.signs.defined())
        part.signs = columns.signs.flatten(1).narrow(1, columns.first, columns.count).t();
    }
  }
  return result;
}

Tensor signed_squares(const Tensor& a, const Tensor& signs) {
  auto squares = a.square();
  if (!signs.defined()) return squares;
  auto shape = std::vector<int64_t>(a.dim(), 1);
  shape[0] = signs.size(0);
  shape[1] = signs.size(1);
  return squares.mul_(signs.reshape(shape));
}

Tensor summed_squares(const Columns& columns) {
  if (columns.dense.defined()) return signed_squares(columns.dense, columns.signs).sum(0);
  auto squares = columns.diagonal.square();
  if (columns.signs.defined()) squares *= columns.signs;
  if (columns.first == 0 && columns.count == squares.numel() / squares.size(0)) return squares;
  auto part = at::zeros_like(squares);
  part.flatten(1).narrow(1, columns.first, columns.count).copy_(squares.flatten(1).narrow(1, columns.first, columns.count));
  return part;
}

}  // namespace backobs
