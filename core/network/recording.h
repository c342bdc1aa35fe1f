// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

namespace backobs {

/// The autograd graph of one forward over the whole batch. Leaves are detached copies of the inputs, so that the graph
/// ends at this node.
struct Recording {
  TensorList inputs;                    ///< [N, *in_i], requires_grad where floating point
  std::vector<NamedTensor> parameters;  ///< of the rule
  Tensor output;                        ///< [N, *out], with its graph

  int64_t samples() const { return output.size(0); }
  /// A cotangent of the samples [first, …) as one of the whole batch, zero elsewhere. [n, *out] -> [N, *out].
  Tensor whole_batch(const Tensor& cotangent, int64_t first) const;
  /// d<output, cotangent>/d leaves, undefined where a leaf does not matter. `differentiable` allows a second backward.
  TensorList backward(const Tensor& cotangent, const TensorList& leaves, bool differentiable = false) const;
  /// The leaf of a parameter.
  const Tensor& parameter(const std::string& name) const;
  /// Floating-point inputs only: what derivatives are taken in.
  TensorList differentiable_inputs() const;
};

}  // namespace backobs
