// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// Products of matrices that are symmetric, at half the operations: what lies below the diagonal is a mirror image.
namespace backobs {

/// scale a b for a [K, P] and b [P, K] of which it is known that a b is symmetric, [K, K]: a a^T, W^T M W.
BACKOBS_API at::Tensor symmetric_product(const at::Tensor& a, const at::Tensor& b, double scale = 1);
/// The same as one full product of matrices.
BACKOBS_API at::Tensor symmetric_product_plainly(const at::Tensor& a, const at::Tensor& b, double scale = 1);

/// sum <- sum + a b on and above the diagonal of `sum` [K, K]; what is below has no meaning afterwards.
BACKOBS_API void add_upper_product(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b);
/// Mirrors what is above the diagonal of a contiguous [K, K] to below, in place.
BACKOBS_API void mirror_upper(const at::Tensor& square);

}  // namespace backobs
