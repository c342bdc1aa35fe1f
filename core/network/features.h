// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

namespace backobs {

/// D, the number of features of one sample of this shape.
inline int64_t features(const std::vector<int64_t>& sample_shape) {
  return std::accumulate(sample_shape.begin(), sample_shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace backobs
