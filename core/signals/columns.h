// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

namespace backobs {

/// Columns of one signal at one place of the network, for the samples of a tile.
///
/// Dense: `dense` [V, n, *f], with `signs` [V, n]. Diagonal, as a fresh residual is: column r has the one entry
/// `diagonal`[n, r] at flat feature r, r in [first, first + count), with `signs` [n, *f]. Undefined signs mean +1.
struct Columns {
  Tensor dense;
  Tensor diagonal;
  Tensor signs;
  int64_t first = 0, count = 0;

  bool defined() const { return dense.defined() || diagonal.defined(); }
  /// The same columns written out: dense [count, n, *f], signs [count, n].
  Columns written_out() const;
};

/// Columns [first, first + count) of a diagonal factor [n, *f] as [count, n, *f].
Tensor written_out(const Tensor& diagonal, int64_t first, int64_t count);

/// From a residual R_n: factors f with R_n = sum_r sign f f^T. One Columns per input of the layer, sharing columns.
std::vector<Columns> columns_of(const Residual& residual);
/// How many columns a residual has.
int64_t column_count(const Residual& residual);
/// The columns [first, first + count) of a residual's columns.
Columns narrow(const Columns& columns, int64_t first, int64_t count);

/// The samples [first, first + count) of columns.
Columns narrow_samples(const Columns& columns, int64_t first, int64_t count);

/// Two contributions to the same columns, where branches met on the way forward.
Columns add(const Columns& a, const Columns& b);

/// sign[v,n] a^2 for a [V, n, ...], [V, n, ...].
Tensor signed_squares(const Tensor& a, const Tensor& signs);
/// q[n, *f] = sum_v sign z^2 of columns in either form.
Tensor summed_squares(const Columns& columns);

/// Through one layer: J_n^T on each column, one result per input. A diagonal stays one through pointwise layers; a tensor that
/// nobody else holds may become the result.
BACKOBS_API std::vector<Columns> pull_back(const LayerRule& rule, const LayerIO& io, Columns columns);

}  // namespace backobs
