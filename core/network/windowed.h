// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include "kernels/sparse_products.h"

namespace backobs {

/// An affine map whose input are the windows of an image.
class WindowedRule {
 public:
  virtual ~WindowedRule() = default;
  /// Where the windows of `affine_input` lie.
  virtual WindowLayout windows(const LayerIO& io) const = 0;
  /// The same with the image, laid out for them instead of unfolded.
  virtual sparse::WindowedInput windowed_input(const LayerIO& io) const = 0;
};

}  // namespace backobs
