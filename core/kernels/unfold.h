// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

namespace backobs {

using at::Tensor;

/// The patches a convolution multiplies its weight with, padding already applied:
/// x [n, C, *image] -> [n, S, G, K] with x[n,s,g,(c,k)] = image[n, g C/G + c, s * stride + k * dilation],
/// s over output positions and k over kernel entries in row-major order, K = C/G * prod(kernel).
/// In memory the positions are the fastest axis.
BACKOBS_API Tensor unfold(const Tensor& image, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef dilation, int64_t groups);

}  // namespace backobs
