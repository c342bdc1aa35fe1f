// SPDX-License-Identifier: MIT
#include "losses/shapes.h"

#include <algorithm>
#include <sstream>

namespace backobs {

int64_t features(const at::Tensor& output) { return output.numel() / std::max<int64_t>(output.size(0), 1); }

std::vector<int64_t> columns_shape(const at::Tensor& output, int64_t count) {
  auto shape = output.sizes().vec();
  shape.insert(shape.begin(), count);
  return shape;
}

std::string shapes_of(const std::vector<at::Tensor>& tensors) {
  std::ostringstream text;
  for (const auto& tensor : tensors) text << (&tensor == &tensors.front() ? "" : ", ") << tensor.sizes();
  return text.str();
}

}  // namespace backobs
