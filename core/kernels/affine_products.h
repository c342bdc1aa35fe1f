// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// The products A[v,n,g] = z[v,n,:,g,:]^T x[n,:,g,:] of layers with more than one position, consumed sample by sample
/// while they are in cache. Letters and shapes as in affine.h.
namespace backobs::affine {

using at::Tensor;

/// What becomes of each product; an undefined tensor is not wanted. Every tensor is contiguous.
struct Products {
  Tensor columns;         ///< A + addend, [V, n, G, C, K]; overwritten
  Tensor sample_squares;  ///< sum_v sign A^2, [n, G, C, K]; added to, zeros before
  Tensor sum_squares;     ///< sum_{v,n} sign A^2, [G, C, K]; added to
  Tensor squared_norms;   ///< sum_{g,c,k} (A + addend)^2, [V, n]; added to
  Tensor addend;          ///< [G, C, K]; undefined: 0
  Tensor shift;           ///< [G, C, K], with the two below: moments of A - shift, free of a large common mean
  Tensor shifted_sum;     ///< sum_{v,n} (A - shift), [G, C, K]; added to
  Tensor shifted_squares; ///< sum_{v,n} (A - shift)^2, [G, C, K]; added to

  bool any() const {
    return columns.defined() || sample_squares.defined() || sum_squares.defined() || squared_norms.defined() || shift.defined();
  }
};

/// Forms every product once, one matrix product per sample, group and block of columns. On the CPU samples run in
/// parallel, and what is summed over them is summed thread by thread, in order.
BACKOBS_API void form(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products);
/// The same in plain tensor operations, with all products of one column in memory at once.
BACKOBS_API void form_plainly(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products);

/// sum_{n,s} a[n,s,g,:] b[n,s,g,:]^T, [n, S, G, C] and [n, S, G, K] -> [G, C, K], without gathering all samples in one
/// matrix. With a and b the same tensor the product is symmetric and costs about half.
BACKOBS_API Tensor contract_samples(const Tensor& a, const Tensor& b);
/// sum_{g,c,k} A^2 = sum_{s,s'} (z z^T)[s,s'] (x x^T)[s,s'], [V, n]: for few positions cheaper than A itself.
BACKOBS_API Tensor squared_norms_by_positions(const Tensor& z, const Tensor& x);
/// <A, w> = sum_s z[v,n,s] . (w x[n,s]) for w [G, C, K], sample by sample, [V, n].
BACKOBS_API Tensor inner_products_by_positions(const Tensor& z, const Tensor& x, const Tensor& w);

}  // namespace backobs::affine
