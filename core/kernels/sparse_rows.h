// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// Products with a matrix of many zeros: what is behind a rectifier or a maximum over windows is zero in most places, and in the
/// same places for every column of a signal. Such a product is a sum of the few rows that a nonzero factor picks.
namespace backobs::sparse {

/// The nonzero factors of one line for `columns` columns at once.
template <typename T>
struct Picks {
  const T* factors;     ///< [count, columns]
  const int32_t* rows;  ///< [count], where each row begins in the table
  int64_t count, columns;
};

/// to[v][j] = sum_i factors[i][v] table[rows[i] + j], or added to it, for j < width; line v of `to` begins at v * stride.
/// Terms are added in the order of the picks, whatever the width. A vector behind the end of a row may be read, and has no effect:
/// tables end with `kSlack` readable entries.
template <typename T>
struct RowKernels {
  void (*set)(const Picks<T>& picks, const T* table, int64_t width, T* to, int64_t stride);
  void (*add)(const Picks<T>& picks, const T* table, int64_t width, T* to, int64_t stride);
};
constexpr int64_t kSlack = 16;

}  // namespace backobs::sparse
