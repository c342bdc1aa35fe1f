// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// Products of matrices of which one is mostly zero.
namespace backobs::sparse {

using at::Tensor;

/// sum_c z[v,n,c] w[c,k]: [V, n, K] of z [V, n, C] and w [C, K].
BACKOBS_API Tensor product(const Tensor& z, const Tensor& w);

/// scale sum_n x[n,k] x[n,l] of x [N, K], in which neighbouring entries of a row are zero together, as pixels of an image on an
/// empty ground are: [K, K], or undefined where there are too few zeros for it to be worth while.
BACKOBS_API Tensor moment(const Tensor& x, double scale);

}  // namespace backobs::sparse
