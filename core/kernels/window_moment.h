// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/sparse_products.h"

namespace backobs {

/// Whether window_moment needs fewer operations than the product of unfolded windows.
BACKOBS_API bool shares_slices(const WindowLayout& windows);

/// scale sum_{n,s} x x^T of windowed images in one group, [K, K] with K in row-major order of (channel, *kernel), without unfolding.
///
/// Cut the image along its first axis into slices y, and let X_y be the windows on the other axes. A window at position t of the
/// first axis consists of the rows X_{y(t,i)}, y(t,i) = stride t + dilation i, so that the block of kernel entries i and j is
/// sum_t X_{y(t,i)}^T X_{y(t,j)}: a product of two slices serves every block in which this pair of slices meets, and products with
/// slices of zeros are left out. 5 x 5 windows on 14 x 14 pixels with 2 of padding need 4.9 instead of 16 units.
BACKOBS_API Tensor window_moment(const sparse::WindowedInput& x, int64_t samples, double scale);
/// The same from unfolded windows [n, S, 1, K].
BACKOBS_API Tensor window_moment_plainly(const Tensor& unfolded, double scale);

}  // namespace backobs
