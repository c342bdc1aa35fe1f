// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>
#include <backobs/layer.h>

#include <ATen/ATen.h>

#include <string>

/// What the nodes without a module share.
namespace backobs::nodes {

/// `axis` of a tensor with `dims` axes as a number from 1 on. Throws ComputeError for the sample axis and beyond.
inline int64_t sample_axis(const std::string& type, int64_t axis, int64_t dims) {
  const auto positive = axis < 0 ? axis + dims : axis;
  if (positive < 1 || positive >= dims)
    throw ComputeError(type, "axis " + std::to_string(axis) + " of " + std::to_string(dims) + " axes",
                       "an axis of one sample: 1 to " + std::to_string(dims - 1) + ", or negative from the end");
  return positive;
}

/// Throws ComputeError unless there are `wanted` inputs (0: at least one), all of one shape.
inline void require_equal_shapes(const std::string& type, const TensorList& inputs, std::size_t wanted) {
  if (wanted != 0 && inputs.size() != wanted)
    throw ComputeError(type, std::to_string(inputs.size()) + " inputs", std::to_string(wanted));
  for (const auto& input : inputs)
    if (input.sizes() != inputs.front().sizes())
      throw ComputeError(type, "inputs of different shapes", "inputs of one shape");
}

/// A linear map of each sample, the same for all samples: derivatives need jac_t alone.
class LinearMap : public LayerRule {
 public:
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  bool reads_output() const override { return false; }
};

}  // namespace backobs::nodes
