// SPDX-License-Identifier: MIT
#include "kernels/max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace backobs {
namespace {

/// One axis of an image under its windows: window o covers i = o stride - padding + t dilation, t in [0, kernel).
struct Axis {
  int64_t size, kernel, stride, padding, dilation, windows;

  Axis(int64_t length, const Windows& w, std::size_t axis)
      : size(length), kernel(w.kernel[axis]), stride(w.stride[axis]), padding(w.padding[axis]), dilation(w.dilation[axis]) {
    const auto room = size + 2 * padding - dilation * (kernel - 1) - 1;
    windows = room < 0 || stride <= 0 ? 0 : (room + (w.ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (w.ceil_mode && windows > 0 && (windows - 1) * stride >= size + padding) --windows;  // it would begin beyond the image
  }
  /// Input index of the first window at tap t.
  int64_t offset(int64_t t) const { return t * dilation - padding; }
  /// The first window whose tap t lies in the image, and one past the last.
  int64_t first(int64_t t) const { return std::clamp<int64_t>((stride - 1 - offset(t)) / stride, 0, windows); }
  int64_t last(int64_t t) const { return offset(t) >= size ? 0 : std::clamp<int64_t>((size - 1 - offset(t)) / stride + 1, 0, windows); }
  /// The first tap of a window that lies in the image.
  int64_t first_tap(int64_t window) const {
    const auto start = window * stride - padding;
    return start >= 0 ? 0 : (dilation - 1 - start) / dilation;
  }
};

/// Windows [first, last) of a row meet one tap: pixels row[o stride], at positions `place` + o stride. A stride known when
/// this is compiled makes the loop one over vectors.
template <int64_t Stride, typename T>
void meet(const T* row, T* best, int32_t* where, int64_t first, int64_t last, int32_t place, int64_t any_stride) {
  const int64_t stride = Stride > 0 ? Stride : any_stride;
  for (int64_t o = first; o < last; ++o) {
    const T value = row[o * stride];
    const bool wins = (value > best[o]) | (value != value);
    best[o] = wins ? value : best[o];
    where[o] = wins ? place + static_cast<int32_t>(o * stride) : where[o];
  }
}

template <typename T>
void pool_row(const T* image, const Axis& rows, const Axis& columns, int64_t y, T* best, int32_t* where) {
  std::fill_n(best, columns.windows, -std::numeric_limits<T>::infinity());
  const auto top = y * rows.stride + rows.offset(rows.first_tap(y));
  for (int64_t o = 0; o < columns.windows; ++o)
    where[o] = static_cast<int32_t>(top * columns.size + o * columns.stride + columns.offset(columns.first_tap(o)));
  for (int64_t ty = 0; ty < rows.kernel; ++ty) {
    const auto iy = y * rows.stride + rows.offset(ty);
    if (iy < 0 || iy >= rows.size) continue;
    for (int64_t tx = 0; tx < columns.kernel; ++tx) {
      const auto place = iy * columns.size + columns.offset(tx);
      const auto step = columns.stride == 1 ? meet<1, T> : columns.stride == 2 ? meet<2, T> : meet<0, T>;
      step(image + place, best, where, columns.first(tx), columns.last(tx), static_cast<int32_t>(place), columns.stride);
    }
  }
}

template <typename T>
void pool(const at::Tensor& images, const Axis& rows, const Axis& columns, const at::Tensor& maxima, const at::Tensor& places) {
  const auto planes = images.size(0) * images.size(1), outputs = rows.windows * columns.windows;
  const auto* const from = images.data_ptr<T>();
  auto* const to = maxima.data_ptr<T>();
  auto* const at = places.data_ptr<int64_t>();
  at::parallel_for(0, planes, std::max<int64_t>(1, 32768 / (rows.size * columns.size)), [&](int64_t begin, int64_t end) {
    std::vector<int32_t> where(static_cast<std::size_t>(columns.windows));
    for (auto plane = begin; plane < end; ++plane)
      for (int64_t y = 0; y < rows.windows; ++y) {
        const auto row = plane * outputs + y * columns.windows;
        pool_row(from + plane * rows.size * columns.size, rows, columns, y, to + row, where.data());
        std::copy(where.begin(), where.end(), at + row);
      }
  });
}

bool is_supported(const at::Tensor& images, const Windows& w) {
  if (at::GradMode::is_enabled() && images.requires_grad()) return false;  // autograd knows LibTorch's function alone
  if (!images.device().is_cpu() || images.dim() != 4 || images.numel() == 0) return false;
  if (images.scalar_type() != at::kFloat && images.scalar_type() != at::kDouble) return false;
  if (images.size(2) > std::numeric_limits<int32_t>::max() / images.size(3)) return false;
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (w.kernel[axis] < 1 || w.stride[axis] < 1 || w.dilation[axis] < 1 || w.padding[axis] < 0 ||
        2 * w.padding[axis] > w.kernel[axis] || Axis(images.size(2 + static_cast<int64_t>(axis)), w, axis).windows < 1)
      return false;
  return true;
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> max_pool2d(const at::Tensor& images, const Windows& windows) {
  if (!is_supported(images, windows)) return max_pool2d_plainly(images, windows);
  const Axis rows(images.size(2), windows, 0), columns(images.size(3), windows, 1);
  const std::vector<int64_t> shape{images.size(0), images.size(1), rows.windows, columns.windows};
  auto maxima = at::empty(shape, images.options().memory_format(at::MemoryFormat::Contiguous).requires_grad(false));
  auto places = at::empty(shape, at::kLong);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "maxima of windows", [&] {
    pool<scalar_t>(images.contiguous(), rows, columns, maxima, places);
  });
  return {maxima, places};
}

std::tuple<at::Tensor, at::Tensor> max_pool2d_plainly(const at::Tensor& images, const Windows& w) {
  return at::max_pool2d_with_indices(images, w.kernel, w.stride, w.padding, w.dilation, w.ceil_mode);
}

}  // namespace backobs
