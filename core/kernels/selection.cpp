// SPDX-License-Identifier: MIT
#include "kernels/selection.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace backobs::selection {
namespace {

/// One channel of one sample: pixels[index[s]] += values[s], pixels zero before.
template <typename T>
void scatter(const T* values, const int64_t* index, int64_t count, T* pixels, int64_t image) {
  std::fill_n(pixels, image, T(0));
  for (int64_t s = 0; s < count; ++s) pixels[index[s]] += values[s];
}

/// Where the index of one channel of sample n begins: `first` + n * `stride`.
struct ChannelIndex {
  const int64_t* first;
  int64_t stride;
};

/// A block [S, S] of a matrix and a block [image, image] of another, with their numbers of entries from row to row.
template <typename T>
struct BlockPair {
  const T* mat;
  int64_t mat_width;
  T* sum;
  int64_t sum_width;
};

/// sum_n P_n^T M Q_n added to a block.
template <typename T>
void add_block(const BlockPair<T>& block, ChannelIndex rows, ChannelIndex columns, int64_t samples, int64_t count) {
  for (int64_t n = 0; n < samples; ++n) {
    const auto *row_of = rows.first + n * rows.stride, *column_of = columns.first + n * columns.stride;
    for (int64_t i = 0; i < count; ++i) {
      auto* row = block.sum + row_of[i] * block.sum_width;
      const auto* values = block.mat + i * block.mat_width;
      for (int64_t j = 0; j < count; ++j) row[column_of[j]] += values[j];
    }
  }
}

}  // namespace

Tensor transposed(const Tensor& y, const Tensor& index, int64_t image) {
  if (!y.device().is_cpu()) return transposed_plainly(y, index, image);
  const auto values = y.contiguous(), from = index.contiguous();
  auto shape = y.sizes().vec();
  shape.back() = image;
  auto x = at::empty(shape, y.options());
  const auto count = y.size(-1), planes = from.numel() / std::max<int64_t>(count, 1), all = y.size(0) * planes;
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "transposed selection", [&] {
    at::parallel_for(0, all, std::max<int64_t>(1, (int64_t{1} << 15) / image), [&](int64_t begin, int64_t end) {
      for (auto plane = begin; plane < end; ++plane)
        scatter(values.data_ptr<scalar_t>() + plane * count, from.data_ptr<int64_t>() + plane % planes * count, count,
                x.data_ptr<scalar_t>() + plane * image, image);
    });
  });
  return x;
}

Tensor transposed_plainly(const Tensor& y, const Tensor& index, int64_t image) {
  auto shape = y.sizes().vec();
  shape.back() = image;
  return at::zeros(shape, y.options()).scatter_add_(-1, index.unsqueeze(0).expand_as(y), y);
}

Tensor both_sides(const Tensor& mat, const Tensor& index, int64_t image) {
  if (!mat.device().is_cpu()) return both_sides_plainly(mat, index, image);
  const auto from = index.contiguous(), whole = mat.contiguous();
  const auto samples = from.size(0), channels = from.size(1), count = from.size(2), width = channels * image;
  auto sum = at::zeros({width, width}, mat.options());
  AT_DISPATCH_FLOATING_TYPES(mat.scalar_type(), "selection on both sides", [&] {
    at::parallel_for(0, channels * channels, 1, [&](int64_t begin, int64_t end) {
      for (auto pair = begin; pair < end; ++pair) {
        const auto c = pair / channels, d = pair % channels;
        const BlockPair<scalar_t> block{whole.data_ptr<scalar_t>() + (c * channels * count + d) * count, channels * count,
                                        sum.data_ptr<scalar_t>() + (c * width + d) * image, width};
        const auto index_of = [&](int64_t channel) {
          return ChannelIndex{from.data_ptr<int64_t>() + channel * count, channels * count};
        };
        add_block(block, index_of(c), index_of(d), samples, count);
      }
    });
  });
  return sum;
}

Tensor both_sides_plainly(const Tensor& mat, const Tensor& index, int64_t image) {
  const auto channels = index.size(1);
  auto sum = at::zeros({channels * image, channels * image}, mat.options());
  const auto start = at::arange(channels, index.options()).unsqueeze(1) * image;
  for (const auto& source : (index + start).flatten(1).unbind(0))
    sum.index_put_({source.unsqueeze(1), source.unsqueeze(0)}, mat, /*accumulate=*/true);
  return sum;
}

Tensor one_pair(const Tensor& mat, const Tensor& rows, const Tensor& columns, int64_t image) {
  const auto whole = mat.contiguous(), from_rows = rows.contiguous(), from_columns = columns.contiguous();
  auto sum = at::zeros({image, image}, mat.options());
  if (!mat.device().is_cpu()) {
    for (int64_t n = 0; n < rows.size(0); ++n)
      sum.index_put_({from_rows[n].unsqueeze(1), from_columns[n].unsqueeze(0)}, mat, /*accumulate=*/true);
    return sum;
  }
  AT_DISPATCH_FLOATING_TYPES(mat.scalar_type(), "selection of one pair", [&] {
    const auto count = rows.size(1);
    add_block<scalar_t>({whole.data_ptr<scalar_t>(), count, sum.data_ptr<scalar_t>(), image},
                        {from_rows.data_ptr<int64_t>(), count}, {from_columns.data_ptr<int64_t>(), count}, rows.size(0), count);
  });
  return sum;
}

}  // namespace backobs::selection
