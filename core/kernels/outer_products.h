// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// Individual gradients of a layer with one position are outer products, far larger than the cache: writing them is all the
/// work there is.
namespace backobs::affine {

/// a[v,n,g,c] b[n,g,k] + addend[g,c,k], [V, n, G, C] and [n, G, K] -> [V, n, G, C, K], to the bit what multiplying and adding
/// with broadcasting gives; an undefined addend is none.
/// On the CPU a large result goes past the caches, which saves the reading of every line that is about to be overwritten.
BACKOBS_API at::Tensor outer_products(const at::Tensor& a, const at::Tensor& b, const at::Tensor& addend = {});

}  // namespace backobs::affine
