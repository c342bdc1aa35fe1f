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

/// The block of channels (c, d) of sum_n P_n^T M P_n; `sum` has rows of `width` entries.
template <typename T>
void add_block(const T* mat, int64_t mat_width, const int64_t* index, int64_t samples, int64_t channels, int64_t count,
               int64_t c, int64_t d, T* sum, int64_t width) {
  for (int64_t n = 0; n < samples; ++n) {
    const auto* rows = index + (n * channels + c) * count;
    const auto* columns = index + (n * channels + d) * count;
    for (int64_t i = 0; i < count; ++i) {
      auto* row = sum + rows[i] * width;
      const auto* values = mat + i * mat_width;
      for (int64_t j = 0; j < count; ++j) row[columns[j]] += values[j];
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
        add_block(whole.data_ptr<scalar_t>() + c * count * channels * count + d * count, channels * count,
                  from.data_ptr<int64_t>(), samples, channels, count, c, d,
                  sum.data_ptr<scalar_t>() + c * image * width + d * image, width);
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

}  // namespace backobs::selection
