// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <string>

namespace backobs {

/// The second derivatives of sum_k grad[n,k] out[n,k] in one input entry and one parameter entry of the same layer,
/// M_n [D_in, P]. They belong to the Hessian of a parameter only if it is also used further up the layer's inputs.
/// In factors, with u = s e_i and v = M_n[i] / s over the input entries i and s that balances their lengths:
///
///     M + M^T in (input, parameter) = (1/2) sum_i (u; v)(u; v)^T - (1/2) sum_i (u; -v)(u; -v)^T.
struct MixedResidual {
  TensorList inputs;  ///< [R, n, *in_i] per input, R = 2 D_in
  Tensor parameter;   ///< [R, n, *p]
  Tensor signs;       ///< [R, n]

  bool empty() const { return !parameter.defined(); }
};

/// Empty where all of M is zero. An affine weight is bilinear with its input, so M follows from its columns on unit
/// inputs; anything else is read from autograd, one backward per sample and input entry.
MixedResidual mixed_residual(const LayerRule& rule, const LayerIO& io, const std::string& parameter, const Tensor& grad);

}  // namespace backobs
