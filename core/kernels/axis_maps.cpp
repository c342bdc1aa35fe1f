// SPDX-License-Identifier: MIT
#include "kernels/axis_maps.h"

#include <ATen/ATen.h>

namespace backobs {

Tensor apply_transposed(const AxisMaps& maps, Tensor columns) {
  const auto count = static_cast<int64_t>(maps.size());
  for (int64_t d = 0; d < count; ++d) {
    const auto axis = d - count;
    columns = columns.transpose(axis, -1).matmul(maps[d]).transpose(axis, -1);
  }
  return columns;
}

}  // namespace backobs
