// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>
#include <backobs/network.h>

#include <functional>
#include <optional>
#include <vector>

namespace backobs {

/// What one forward pass leaves for the reverse walk: every node's inputs, output and whatever its rule saved.
/// It lives for one pass; tiles are views into it.
class BACKOBS_API Tape {
 public:
  /// Runs `network` on inputs [N, *in_i]. Throws ComputeError naming the node where shapes do not fit.
  Tape(const Network& network, const TensorList& inputs, const ForwardContext& context);

  /// The value of a network output, [N, *out].
  const Tensor& output(std::size_t index) const { return outputs_[index]; }
  const TensorList& outputs() const { return outputs_; }
  /// The samples [first, first + count) at a node, as its rule takes them.
  LayerIO io(NodeId node, int64_t first, int64_t count) const { return layers_[node].value().io(first, count); }
  const RecordedLayer& layer(NodeId node) const { return layers_[node].value(); }
  /// Forgets what a node left; the outputs stay.
  void release(NodeId node) { layers_[node].reset(); }

 private:
  std::vector<std::optional<RecordedLayer>> layers_;  ///< by node; empty for inputs
  TensorList outputs_;
};

/// A forward pass that keeps nothing: each value is dropped after its last reader. `seen` is called for every node
/// in order. Returns the network's outputs.
BACKOBS_API TensorList run_forward(const Network& network, const TensorList& inputs, ForwardContext context,
                                   const std::function<void(NodeId, const Tensor&)>& seen = {});

}  // namespace backobs
