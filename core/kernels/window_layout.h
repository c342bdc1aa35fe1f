// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

#include <vector>

namespace backobs {

using at::Tensor;

/// What places the windows of a convolution on its image, one number per axis.
struct WindowShape {
  std::vector<int64_t> image;        ///< without padding
  std::vector<int64_t> low, high;    ///< zeros before and behind
  std::vector<int64_t> kernel, stride, dilation;
};

/// An image [C, *image] laid out with its zeros around it and its channels fastest in memory. The window of a position s and a
/// group g is then a few runs of neighbouring entries, x[n,s,g,(r,j)] = laid_out[n, positions[s] + runs[r] + g * length + j] with
/// j < length: nothing has to be unfolded.
class BACKOBS_API WindowLayout {
 public:
  WindowLayout(const WindowShape& shape, int64_t channels, int64_t groups);

  /// The first axis of the image, along which positions and runs come in equal parts.
  struct FirstAxis {
    int64_t image, low, out, kernel, stride, dilation;
    int64_t entries;  ///< of the image as it is laid out, from one index to the next
  };
  const FirstAxis& first_axis() const { return first_; }

  std::vector<int32_t> positions, runs;
  int64_t length;         ///< entries of a run
  int64_t groups, channels;

  int64_t entries_per_window() const { return static_cast<int64_t>(runs.size()) * length; }
  /// Of one image as it is laid out.
  int64_t entries_per_image() const { return pixels_ * channels; }
  /// Images [n, C, *image] laid out, [n * entries_per_image() + what kernels may read behind it].
  Tensor lay_out(const Tensor& images) const;
  /// One image taken out of that layout again: to [C, *image].
  template <typename T>
  void take_out(const T* laid_out, T* image) const;
  /// Entry (r, j) of a window is entry `order[r * length + j]` of (channel, *kernel) in row-major order.
  const std::vector<int64_t>& order() const { return order_; }
  /// Weights [G, C_out, K], K in row-major order, as tables [G, runs, C_out, length] with room behind.
  Tensor tables(const Tensor& weight) const;

 private:
  /// Neighbouring pixels of the last axis that are no padding: where they begin, in pixels.
  struct Row {
    int64_t laid_out, image;
  };
  std::vector<Row> rows_;
  int64_t pixels_, image_pixels_, row_pixels_;
  FirstAxis first_;
  std::vector<int64_t> order_;
};

}  // namespace backobs
