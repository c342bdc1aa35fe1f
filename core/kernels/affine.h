// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// Derived quantities of y[n,s,g,c] = sum_k W[g,c,k] x[n,s,g,k] + b[g,c] without forming per-sample gradients where
/// that can be avoided.
///
/// Index letters: v column, n sample, s position, g group, c output feature, k input feature. x is [n, S, G, K], columns z are
/// [V, n, S, G, C]; the column of the weight is A[v,n,g,c,k] = sum_s z[v,n,s,g,c] x[n,s,g,k].
namespace backobs::affine {

using at::Tensor;

/// A + addend, [V, n, G, C, K]; an undefined addend [G, C, K] is none.
BACKOBS_API Tensor columns(const Tensor& z, const Tensor& x, const Tensor& addend = {});
/// sum_{v,n} A, [G, C, K].
BACKOBS_API Tensor sum(const Tensor& z, const Tensor& x);
/// sum_{v,n} sign[v,n] A^2, [G, C, K]. With one position A^2 = z^2 x^2, so one product of matrices per group does.
BACKOBS_API Tensor sum_squares(const Tensor& z, const Tensor& signs, const Tensor& x);
/// sum_v sign[v,n] A^2, [n, G, C, K].
BACKOBS_API Tensor sample_squares(const Tensor& z, const Tensor& signs, const Tensor& x);
/// The same from q[n,c] = sum_v sign z^2 where there is one position and one group: sum over n, or per sample.
BACKOBS_API Tensor sum_squares_from(const Tensor& q, const Tensor& x);
BACKOBS_API Tensor sample_squares_from(const Tensor& q, const Tensor& x);
/// sum_{g,c,k} A^2, [V, n].
BACKOBS_API Tensor squared_norms(const Tensor& z, const Tensor& x);
/// Whether squared_norms goes over pairs of positions, which are few, instead of forming A with `in` input features K.
BACKOBS_API bool norms_by_positions(const Tensor& z, int64_t in);
/// <A, w> for w [G, C, K], [V, n].
BACKOBS_API Tensor inner_products(const Tensor& z, const Tensor& x, const Tensor& w);
/// scale sum_{n,s} x x^T, [K, K], or [G, K, K] with more than one group.
BACKOBS_API Tensor input_moment(const Tensor& x, double scale = 1);
/// sum_{v,n} zs zs^T of zs = sum_s z [V, n, G, C]: [C, C], or [G, C, C] with more than one group.
BACKOBS_API Tensor output_moment(const Tensor& zs);

/// Columns of a scale, sum_s z[v,n,s,g,c] x[n,s,g,c] with x [n, S, G, C]: [V, n, G, C].
Tensor scale_columns(const Tensor& z, const Tensor& x);

}  // namespace backobs::affine
