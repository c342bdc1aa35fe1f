// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Linear maps of images that act on each spatial axis by itself, y = (P_1 (x) ... (x) P_D) x on the last D axes:
/// average pooling, interpolation, padding by what is inside.
namespace backobs {

using at::Tensor;

/// P_d of each spatial axis, [out_d, in_d], first axis first.
using AxisMaps = std::vector<Tensor>;

/// (P_1 (x) ... (x) P_D)^T, [..., *out] -> [..., *in]. The result may be a view with transposed axes.
Tensor apply_transposed(const AxisMaps& maps, Tensor columns);

}  // namespace backobs
