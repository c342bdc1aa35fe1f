// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

namespace backobs::affine {

/// The biased variance over the samples of A[n,c,k] = z[n,c] x[n,k], from s = sum_n A and q = sum_n A^2, both [C, K]:
/// q/n - (s/n)^2, never negative, [C, K].
///
/// Sums of floats are off by some 1e-7 of q/n, in which a small variance would drown. A row c with an entry whose variance is
/// less than an eighth of q/n, or whose squares may have under- or overflown, is therefore formed again in double
/// precision. On the CPU alone, since which rows these are has to be read; elsewhere use variance_in_double.
BACKOBS_API at::Tensor variance(const at::Tensor& z, const at::Tensor& x, const at::Tensor& sum, const at::Tensor& squares);
/// The same with every row formed in double precision.
BACKOBS_API at::Tensor variance_in_double(const at::Tensor& z, const at::Tensor& x);

}  // namespace backobs::affine
