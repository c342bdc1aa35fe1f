// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <string>
#include <tuple>

namespace backobs {

/// What travels backward. The set is closed: five signals, all known to core.
///
/// Index letters: v column, n sample, N batch size, D features of one sample at a node.
///
/// | kind               | value at a node's output | starts at the loss as                                    |
/// |--------------------|--------------------------|----------------------------------------------------------|
/// | gradient           | [1, N, *out]             | dl_n/df_n                                                |
/// | sqrt_ggn_exact     | [V, N, *out]             | S with sum_v S[v,n] S[v,n]^T = H_n                       |
/// | sqrt_ggn_mc        | [M, N, *out]             | S with E[sum_m S[m,n] S[m,n]^T] = H_n                    |
/// | averaged_curvature | [D, D]                   | sum_n H_n, then M <- (1/N) sum_n J_n^T M J_n per node    |
/// | hessian_residuals  | [R, N, *out], signs      | nothing; each curved node adds factors of its own        |
///
/// l_n are the contributions that sum to the loss, H_n the Hessian of l_n in the outputs: both carry the loss
/// reduction (1/N for a mean), so every signal does, and no consumer divides again.
struct BACKOBS_API SignalKey {
  enum class Kind { gradient, sqrt_ggn_exact, sqrt_ggn_mc, averaged_curvature, hessian_residuals };

  Kind kind = Kind::gradient;
  int64_t samples = 0;  ///< M, of sqrt_ggn_mc only
  int64_t stream = 0;   ///< of sqrt_ggn_mc only; equal (samples, stream) share one draw

  /// One maker per kind.
  static SignalKey gradient() { return {Kind::gradient, 0, 0}; }
  static SignalKey sqrt_ggn_exact() { return {Kind::sqrt_ggn_exact, 0, 0}; }
  static SignalKey sqrt_ggn_mc(int64_t samples, int64_t stream = 0) { return {Kind::sqrt_ggn_mc, samples, stream}; }
  static SignalKey averaged_curvature() { return {Kind::averaged_curvature, 0, 0}; }
  static SignalKey hessian_residuals() { return {Kind::hessian_residuals, 0, 0}; }

  bool operator<(const SignalKey& o) const {
    return std::tie(kind, samples, stream) < std::tie(o.kind, o.samples, o.stream);
  }
  bool operator==(const SignalKey& o) const { return kind == o.kind && samples == o.samples && stream == o.stream; }

  std::string to_string() const;  ///< for messages
};

/// What becomes of a column's sign in a product: kept; columns with -1 left out; every column counted as +1. With the
/// signed factors of hessian_residuals the last two clip the eigenvalues at zero, or take their absolute values.
enum class Signs { kept, positive, absolute };

/// A derived quantity: what core computes of one parameter p (shape *p) and one signal, at most once per pass, and
/// shares among the extensions that declared it. A[v,n] = J_p,n^T S[v,n] below is the column of the parameter.
///
/// | what                | value                                       | shape         | over tiles        |
/// |---------------------|---------------------------------------------|---------------|-------------------|
/// | columns             | A                                           | [V, N, *p]    | joined in V and N |
/// | sum                 | sum_{v,n} A                                 | [*p]          | added             |
/// | sum_squares         | sum_{v,n} sign A^2                          | [*p]          | added             |
/// | sample_squares      | sum_v sign A^2                              | [N, *p]       | joined in N       |
/// | squared_norms       | sum over the entries of A^2                 | [V, N]        | joined in V and N |
/// | variance            | sum_n A^2 / N - (sum_n A / N)^2, V = 1      | [*p]          | two sums, added   |
/// | input_factor        | (1/N) sum_n X_n X_n^T, positions summed     | [K, K]        | added             |
/// | output_factor       | sum_{v,n} s s^T, s = positions summed of S  | [C, C]        | added; KFRA: none |
/// | product             | sum_{v,n} sign A <A, vec_k>                 | [K, *p]       | added             |
/// | block               | sum_{v,n} sign A A^T as an operator         | CurvatureBlock| joined            |
///
/// sign is +1 but for hessian_residuals. input_factor does not depend on the signal. X_n is the layer's input as
/// the affine map y[n,s,c] = sum_k W[c,k] x[n,s,k] + b[c] sees it (layer.h).
/// The weight penalty (c/2) |w|^2 is included in sum, sum_squares, sample_squares, squared_norms and columns of the
/// gradient and, as +c, in sum_squares, sample_squares, product and block of the square roots (design.md, "Penalty").
struct BACKOBS_API Need {
  enum class What {  ///< see the table above
    columns,
    sum,
    sum_squares,
    sample_squares,
    squared_norms,
    variance,
    input_factor,
    output_factor,
    product,
    block,
  };

  What what = What::columns;
  SignalKey signal;
  std::string vectors = {};    ///< of a product: the name of its vectors; equal names share one product
  Signs signs = Signs::kept;   ///< of a product

  bool operator<(const Need& o) const {
    return std::tie(what, signal, vectors, signs) < std::tie(o.what, o.signal, o.vectors, o.signs);
  }
  bool operator==(const Need& o) const {
    return what == o.what && signal == o.signal && vectors == o.vectors && signs == o.signs;
  }

  std::string to_string() const;  ///< for messages
};

}  // namespace backobs
