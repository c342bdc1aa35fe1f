// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/affine_products.h"
#include "kernels/window_layout.h"

/// Products with signals that are mostly zero, as they are below a rectifier or a maximum over windows. Letters as in affine.h.
namespace backobs::sparse {

using at::Tensor;

/// Images whose windows are the input of an affine map.
struct WindowedInput {
  WindowLayout windows;
  Tensor laid_out;  ///< by WindowLayout::lay_out
};

/// Whether so many entries of z [V, n, ..] are zero in all columns that going over the others alone is faster than products of
/// whole matrices. A few samples are looked at. Always false off the CPU.
BACKOBS_API bool is_sparse(const Tensor& z);

/// affine::form of z [V, n, S, G, C] with x given by its windows.
BACKOBS_API void form(const Tensor& z, const Tensor& signs, const WindowedInput& x, const affine::Products& products);

/// sum_{v,n} A: [G, C, K].
BACKOBS_API Tensor sum(const Tensor& z, const WindowedInput& x);

/// The transposed convolution [V, n, C_in, *image] of z [V, n, S, G, C] with `weight` [G, C, K]:
/// laid_out[v, n, positions[s] + runs[r] + j] = sum over s, r and c of z[v,n,s,g,c] weight[g,c,(r,j)].
BACKOBS_API Tensor transposed_convolution(const Tensor& z, const Tensor& weight, const WindowLayout& windows, at::IntArrayRef image);

}  // namespace backobs::sparse
