// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/lanes.h"
#include "kernels/sparse_rows.h"

/// The kernels of sparse_rows.h: sums stay in registers while picks are gone through.
namespace backobs::sparse {
namespace {

constexpr int kMostColumns = kRegisters == 32 ? 8 : 5, kMostVectors = 10;

/// Vectors of a row that are formed at once: sums, one factor and a row fill the registers.
constexpr int vectors_for(int columns) {
  const int fit = (kRegisters - 2) / (columns + 1);
  return columns == 1 || fit > kMostVectors ? kMostVectors : fit;
}

/// Columns C and vectors Q of sums in registers, from `j` on; `width` entries of the last vector count.
template <bool kAdd, int C, int Q, typename T>
void form_block(const Picks<T>& picks, int64_t column, const T* table, int64_t last_width, T* to, int64_t stride) {
  using L = Lane<T>;
  typename L::Vector sums[C][Q] = {};
  const T* factors = picks.factors + column;
  for (int64_t i = 0; i < picks.count; ++i, factors += picks.columns) {
    const T* const row = table + picks.rows[i];
    for (int c = 0; c < C; ++c) {
      const auto factor = L::all(factors[c]);
      for (int q = 0; q < Q; ++q) sums[c][q] += factor * L::load(row + q * L::kCount);
    }
  }
  for (int c = 0; c < C; ++c)
    for (int q = 0; q < Q; ++q) {
      T* const at = to + (column + c) * stride + q * L::kCount;
      if (q + 1 < Q || last_width == L::kCount) {
        L::store(at, kAdd ? L::load(at) + sums[c][q] : sums[c][q]);
        continue;
      }
      T entries[L::kCount];
      L::store(entries, sums[c][q]);
      for (int64_t j = 0; j < last_width; ++j) at[j] = kAdd ? at[j] + entries[j] : entries[j];
    }
}

/// The last vectors of a row, the last of them in part.
template <bool kAdd, int C, int Q, typename T>
void form_rest(const Picks<T>& picks, int64_t column, const T* table, int64_t width, T* to, int64_t stride) {
  if constexpr (Q > 0) {
    constexpr int64_t kCount = Lane<T>::kCount;
    if (width > (Q - 1) * kCount) form_block<kAdd, C, Q>(picks, column, table, width - (Q - 1) * kCount, to, stride);
    else form_rest<kAdd, C, Q - 1>(picks, column, table, width, to, stride);
  }
}

template <bool kAdd, int C, typename T>
void form_columns(const Picks<T>& picks, int64_t column, const T* table, int64_t width, T* to, int64_t stride) {
  constexpr int kVectors = vectors_for(C);
  constexpr int64_t kCount = Lane<T>::kCount, kStep = kVectors * kCount;
  for (; width >= kStep; width -= kStep, table += kStep, to += kStep)
    form_block<kAdd, C, kVectors>(picks, column, table, kCount, to, stride);
  form_rest<kAdd, C, kVectors>(picks, column, table, width, to, stride);
}

/// `columns` is at most C.
template <bool kAdd, int C, typename T>
void form_some(const Picks<T>& picks, int64_t column, int64_t columns, const T* table, int64_t width, T* to, int64_t stride) {
  if constexpr (C > 0) {
    if (columns == C) form_columns<kAdd, C>(picks, column, table, width, to, stride);
    else form_some<kAdd, C - 1>(picks, column, columns, table, width, to, stride);
  }
}

/// Columns in blocks of about the same size.
template <bool kAdd, typename T>
void form(const Picks<T>& picks, const T* table, int64_t width, T* to, int64_t stride) {
  const auto blocks = (picks.columns + kMostColumns - 1) / kMostColumns;
  for (int64_t block = 0; block < blocks; ++block) {
    const auto first = picks.columns * block / blocks, last = picks.columns * (block + 1) / blocks;
    form_some<kAdd, kMostColumns>(picks, first, last - first, table, width, to, stride);
  }
}

}  // namespace
}  // namespace backobs::sparse
