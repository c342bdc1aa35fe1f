// SPDX-License-Identifier: MIT
#include "kernels/window_layout.h"

#include "kernels/over_samples.h"
#include "kernels/sparse_rows.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace backobs {
namespace {

using Sizes = std::vector<int64_t>;

int64_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

/// Calls visit(index) for every index below `sizes`, the last axis fastest.
template <typename Visit>
void for_each_index(const Sizes& sizes, const Visit& visit) {
  Sizes index(sizes.size(), 0);
  for (auto left = product(sizes); left > 0; --left) {
    visit(index);
    for (auto d = sizes.size(); d-- > 0;) {
      if (++index[d] < sizes[d]) break;
      index[d] = 0;
    }
  }
}

/// sum_d index[d] step[d] weight[d].
int64_t dot(const Sizes& index, const Sizes& step, const Sizes& weight) {
  int64_t sum = 0;
  for (std::size_t d = 0; d < index.size(); ++d) sum += index[d] * step[d] * weight[d];
  return sum;
}

/// to[j][i] = from[i][j], from [rows, columns] with `from_stride`, to [columns, rows] with `to_stride`: in squares that stay in
/// the cache.
template <typename T>
void transpose(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to, int64_t to_stride) {
  constexpr int64_t kSide = 8;
  for (int64_t i = 0; i < rows; i += kSide)
    for (int64_t j = 0; j < columns; j += kSide)
      for (auto jj = j; jj < std::min(j + kSide, columns); ++jj)
        for (auto ii = i; ii < std::min(i + kSide, rows); ++ii) to[jj * to_stride + ii] = from[ii * from_stride + jj];
}

}  // namespace

WindowLayout::WindowLayout(const WindowShape& shape, int64_t all_channels, int64_t all_groups)
    : groups(all_groups), channels(all_channels), image_pixels_(product(shape.image)), row_pixels_(shape.image.back()) {
  const auto axes = shape.image.size();
  Sizes padded(axes), out(axes), step(axes), one(axes, 1);
  for (std::size_t d = 0; d < axes; ++d) {
    padded[d] = shape.low[d] + shape.image[d] + shape.high[d];
    out[d] = (padded[d] - shape.dilation[d] * (shape.kernel[d] - 1) - 1) / shape.stride[d] + 1;
  }
  pixels_ = product(padded);
  step[axes - 1] = 1;
  for (auto d = axes - 1; d-- > 0;) step[d] = step[d + 1] * padded[d + 1];

  first_ = {shape.image[0], shape.low[0], out[0], shape.kernel[0], shape.stride[0], shape.dilation[0], step[0] * channels};

  for_each_index(out, [&](const Sizes& s) { positions.push_back(static_cast<int32_t>(dot(s, shape.stride, step) * channels)); });
  const bool joined = groups == 1 && shape.dilation.back() == 1;  // entries of the last axis lie side by side
  auto starts = shape.kernel;
  if (joined) starts.back() = 1;
  for_each_index(starts, [&](const Sizes& k) { runs.push_back(static_cast<int32_t>(dot(k, shape.dilation, step) * channels)); });
  const auto per_group = channels / groups, joins = joined ? shape.kernel.back() : 1;
  length = joins * per_group;
  for (std::size_t r = 0; r < runs.size(); ++r)
    for (int64_t j = 0; j < length; ++j)
      order_.push_back(j % per_group * product(shape.kernel) + static_cast<int64_t>(r) * joins + j / per_group);

  auto rows = shape.image;
  rows.back() = 1;
  for_each_index(rows, [&](const Sizes& pixel) {
    auto at = pixel;
    for (std::size_t d = 0; d < axes; ++d) at[d] += shape.low[d];
    rows_.push_back({dot(at, one, step), static_cast<int64_t>(rows_.size()) * row_pixels_});
  });
}

Tensor WindowLayout::lay_out(const Tensor& images) const {
  const auto from = images.contiguous();
  const auto samples = from.size(0);
  const auto entries = samples * entries_per_image();
  // Padding and what lies behind are zeros; without padding every pixel is written.
  const auto laid_out = pixels_ == image_pixels_ ? at::empty({entries + sparse::kSlack}, from.options())
                                                 : at::zeros({entries + sparse::kSlack}, from.options());
  AT_DISPATCH_FLOATING_TYPES(from.scalar_type(), "windows", [&] {
    std::fill_n(laid_out.data_ptr<scalar_t>() + entries, sparse::kSlack, scalar_t(0));
    over_samples(samples, [&](int64_t, int64_t first, int64_t last) {
      for (auto n = first; n < last; ++n)
        for (const auto& row : rows_)
          transpose(from.data_ptr<scalar_t>() + n * channels * image_pixels_ + row.image, image_pixels_, channels, row_pixels_,
                    laid_out.data_ptr<scalar_t>() + n * entries_per_image() + row.laid_out * channels, channels);
    }, chunks_of(samples));
  });
  return laid_out;
}

template <typename T>
void WindowLayout::take_out(const T* laid_out, T* image) const {
  for (const auto& row : rows_)
    transpose(laid_out + row.laid_out * channels, channels, row_pixels_, channels, image + row.image, image_pixels_);
}
template void WindowLayout::take_out(const float*, float*) const;
template void WindowLayout::take_out(const double*, double*) const;

Tensor WindowLayout::tables(const Tensor& weight) const {
  const auto from = weight.contiguous();
  const auto out = weight.size(1), entries = entries_per_window();
  const auto tables = at::empty({weight.numel() + sparse::kSlack}, weight.options());
  AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), "tables of windows", [&] {
    auto* to = tables.data_ptr<scalar_t>();
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t first = 0; first < entries; first += length)
        for (int64_t c = 0; c < out; ++c) {
          const auto* const row = from.data_ptr<scalar_t>() + (g * out + c) * entries;
          for (auto k = first; k < first + length; ++k) *to++ = row[order_[static_cast<std::size_t>(k)]];
        }
    std::fill_n(to, sparse::kSlack, scalar_t(0));
  });
  return tables;
}

}  // namespace backobs
