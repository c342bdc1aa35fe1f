// SPDX-License-Identifier: MIT
#include "kernels/unfold.h"

#include <ATen/ATen.h>

namespace backobs {

Tensor unfold(const Tensor& image, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef dilation, int64_t groups) {
  const auto axes = static_cast<int64_t>(kernel.size());
  auto patches = image;  // [n, C, *s], then one axis of kernel entries behind for each spatial axis
  for (int64_t d = 0; d < axes; ++d) {
    const auto extent = dilation[d] * (kernel[d] - 1) + 1;
    patches = patches.unfold(2 + d, extent, stride[d]).slice(-1, 0, extent, dilation[d]);
  }
  // Positions are the fastest axis in memory: whole rows of the image are copied at once.
  std::vector<int64_t> order{0, 1};
  int64_t positions = 1, entries = image.size(1) / groups;
  for (int64_t d = 0; d < axes; ++d) order.push_back(2 + axes + d);
  for (int64_t d = 0; d < axes; ++d) {
    order.push_back(2 + d);
    positions *= patches.size(2 + d);
    entries *= kernel[d];
  }
  return patches.permute(order).reshape({image.size(0), groups, entries, positions}).permute({0, 3, 1, 2});
}

}  // namespace backobs
