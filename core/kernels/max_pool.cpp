// SPDX-License-Identifier: MIT
#include "kernels/max_pool.h"

#include "kernels/instruction_sets.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>

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
  /// The first index of a window that lies in the image.
  int64_t first(int64_t window) const {
    const auto start = window * stride - padding;
    return start >= 0 ? start : start + (dilation - 1 - start) / dilation * dilation;
  }
  /// The image and what of the windows reaches beyond it.
  int64_t covered() const { return std::max(padding + size, (windows - 1) * stride + (kernel - 1) * dilation + 1); }
};

/// Pools one image after the other. Rows get what windows cover beside them, the least number, so that no window is a special case.
template <typename T>
class ImagePool {
 public:
  ImagePool(const Axis& rows, const Axis& columns) : rows_(rows), columns_(columns), pitch_(columns.covered()) {
    image_.assign(static_cast<std::size_t>(rows.size * pitch_ + Taps<T>::slack(columns.stride)), -std::numeric_limits<T>::infinity());
    for (int64_t o = 0; o < columns.windows; ++o) firsts_.push_back(columns.first(o));
  }

  /// `places` may be null.
  void pool(const T* image, T* best, int64_t* places) {
    copy(image);
    for (int64_t y = 0; y < rows_.windows; ++y) {
      const auto at = y * columns_.windows;
      pool_row(y, best + at, places ? places + at : nullptr);
    }
  }

 private:
  void copy(const T* image) {
    if (pitch_ == columns_.size) {
      std::copy_n(image, rows_.size * pitch_, image_.begin());
      return;
    }
    for (int64_t y = 0; y < rows_.size; ++y)
      std::copy_n(image + y * columns_.size, columns_.size, image_.data() + y * pitch_ + columns_.padding);
  }

  void pool_row(int64_t y, T* best, int64_t* places) {
    pixels_.clear();
    places_.clear();
    for (int64_t ty = 0; ty < rows_.kernel; ++ty) {
      const auto iy = y * rows_.stride + rows_.offset(ty);
      if (iy < 0 || iy >= rows_.size) continue;
      for (int64_t tx = 0; tx < columns_.kernel; ++tx) {
        pixels_.push_back(image_.data() + iy * pitch_ + tx * columns_.dilation);
        places_.push_back(static_cast<int32_t>(iy * columns_.size + columns_.offset(tx)));
      }
    }
    const Taps<T> taps{pixels_.data(), places_.data(), static_cast<int64_t>(pixels_.size()), columns_.stride};
    if (places) best_kernels<T>().maxima.with_places(taps, columns_.windows, rows_.first(y) * columns_.size, firsts_.data(), best, places);
    else best_kernels<T>().maxima.alone(taps, columns_.windows, best);
  }

  const Axis &rows_, &columns_;
  const int64_t pitch_;
  std::vector<T> image_;
  std::vector<const T*> pixels_;
  std::vector<int32_t> places_;
  std::vector<int64_t> firsts_;
};

template <typename T>
void pool_planes(const at::Tensor& images, const Axis& rows, const Axis& columns, const at::Tensor& maxima, const at::Tensor& places) {
  const auto planes = images.size(0) * images.size(1), pixels = rows.size * columns.size, outputs = rows.windows * columns.windows;
  const auto* const from = images.data_ptr<T>();
  auto* const to = maxima.data_ptr<T>();
  auto* const at = places.defined() ? places.data_ptr<int64_t>() : nullptr;
  at::parallel_for(0, planes, std::max<int64_t>(1, 32768 / pixels), [&](int64_t begin, int64_t end) {
    ImagePool<T> one(rows, columns);
    for (auto plane = begin; plane < end; ++plane)
      one.pool(from + plane * pixels, to + plane * outputs, at ? at + plane * outputs : nullptr);
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

/// Maxima, and into `places` where they are if it is there.
at::Tensor pool_images(const at::Tensor& images, const Windows& windows, at::Tensor* places) {
  const Axis rows(images.size(2), windows, 0), columns(images.size(3), windows, 1);
  const std::vector<int64_t> shape{images.size(0), images.size(1), rows.windows, columns.windows};
  auto maxima = at::empty(shape, images.options().memory_format(at::MemoryFormat::Contiguous).requires_grad(false));
  if (places) *places = at::empty(shape, at::kLong);
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "maxima of windows", [&] {
    pool_planes<scalar_t>(images.contiguous(), rows, columns, maxima, places ? *places : at::Tensor());
  });
  return maxima;
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> max_pool2d(const at::Tensor& images, const Windows& windows) {
  if (!is_supported(images, windows)) return max_pool2d_plainly(images, windows);
  at::Tensor places;
  auto maxima = pool_images(images, windows, &places);
  return {maxima, places};
}

at::Tensor max_pool2d_alone(const at::Tensor& images, const Windows& windows) {
  if (!is_supported(images, windows)) return std::get<0>(max_pool2d_plainly(images, windows));
  return pool_images(images, windows, nullptr);
}

std::tuple<at::Tensor, at::Tensor> max_pool2d_plainly(const at::Tensor& images, const Windows& w) {
  return at::max_pool2d_with_indices(images, w.kernel, w.stride, w.padding, w.dilation, w.ceil_mode);
}

}  // namespace backobs
