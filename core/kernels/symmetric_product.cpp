// SPDX-License-Identifier: MIT
#include "kernels/symmetric_product.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace backobs {
namespace {

/// Rows of the upper triangle that are formed at once, from their diagonal on: shorter strips leave BLAS idle.
constexpr int64_t kStrip = 128;
/// Columns that are mirrored together: a cache line of the rows read, whole lines of those written.
constexpr int64_t kColumns = 16;
/// A tile of this side is turned round in registers.
constexpr int64_t kTile = 4;

/// to[j][i] = from[i][j] of a tile, both in rows of `size`.
template <typename T>
void turn_tile(const T* from, T* to, int64_t size) {
  T tile[kTile][kTile];
  for (int64_t i = 0; i < kTile; ++i)
    for (int64_t j = 0; j < kTile; ++j) tile[j][i] = from[i * size + j];
  for (int64_t j = 0; j < kTile; ++j) std::copy(tile[j], tile[j] + kTile, to + j * size);
}

/// m[j][i] = m[i][j] for rows i in [first, last) and columns j in [column, end), j > i.
template <typename T>
void mirror_block(T* m, int64_t size, int64_t first, int64_t last, int64_t column, int64_t end) {
  auto i = first;
  if (column >= last && (end - column) % kTile == 0)
    for (; i + kTile <= last; i += kTile)
      for (auto j = column; j < end; j += kTile) turn_tile(m + i * size + j, m + j * size + i, size);
  for (; i < last; ++i)
    for (auto j = std::max(i + 1, column); j < end; ++j) m[j * size + i] = m[i * size + j];
}

/// Mirrors `count` rows of a contiguous square from `row` on.
void mirror_strip(const at::Tensor& square, int64_t row, int64_t count) {
  const auto size = square.size(0), blocks = (size - row + kColumns - 1) / kColumns;
  AT_DISPATCH_FLOATING_TYPES(square.scalar_type(), "mirrored matrix", [&] {
    auto* const m = square.data_ptr<scalar_t>();
    at::parallel_for(0, blocks, std::max<int64_t>(1, 32768 / (count * kColumns)), [&](int64_t begin, int64_t end) {
      for (auto block = begin; block < end; ++block) {
        const auto column = row + block * kColumns;
        mirror_block(m, size, row, row + count, column, std::min(column + kColumns, size));
      }
    });
  });
}

/// sum <- keep sum + scale a b on and above the diagonal, calling done(row, count) after each strip of rows.
template <typename Done>
void form_upper(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, double keep, double scale, const Done& done) {
  const auto size = a.size(0);
  for (int64_t row = 0; row < size; row += kStrip) {
    const auto count = std::min(kStrip, size - row);
    sum.narrow(0, row, count).narrow(1, row, size - row).addmm_(a.narrow(0, row, count), b.narrow(1, row, size - row), keep, scale);
    done(row, count);
  }
}

}  // namespace

at::Tensor symmetric_product(const at::Tensor& a, const at::Tensor& b, double scale) {
  if (!a.device().is_cpu()) return symmetric_product_plainly(a, b, scale);
  auto product = at::empty({a.size(0), a.size(0)}, a.options());
  // A strip is mirrored while it is in the cache.
  form_upper(product, a, b, 0, scale, [&](int64_t row, int64_t count) { mirror_strip(product, row, count); });
  return product;
}

at::Tensor symmetric_product_plainly(const at::Tensor& a, const at::Tensor& b, double scale) { return a.mm(b).mul_(scale); }

void add_upper_product(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  form_upper(sum, a, b, 1, 1, [](int64_t, int64_t) {});
}

void mirror_upper(const at::Tensor& square) {
  if (!square.device().is_cpu()) {
    square.triu_().add_(square.triu(1).t());
    return;
  }
  for (int64_t row = 0; row < square.size(0); row += kStrip)
    mirror_strip(square, row, std::min(kStrip, square.size(0) - row));
}

}  // namespace backobs
