// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <string>
#include <vector>

namespace backobs {

/// Index of a node; inputs come first, every node after what it reads.
using NodeId = int64_t;

/// One named place in the graph: an input of the network, or a module with its rule.
struct Node {
  std::string name;
  std::shared_ptr<const LayerRule> rule;  ///< null for an input
  std::vector<NodeId> inputs;
  std::vector<int64_t> sample_shape;      ///< of an input, as declared; empty otherwise
};

/// One parameter tensor and every place that uses it.
struct Parameter {
  struct Use {  ///< one place
    NodeId node;
    std::string local_name;  ///< inside the module: "weight"
  };
  std::string name;  ///< "<node>.<local name>" of its first use: "dense1.weight"
  Tensor value;
  std::vector<Use> uses;

  bool trainable() const { return value.requires_grad(); }  ///< false: it is frozen
};

/// A directed acyclic graph of named modules. Problems build it, the tape runs it forward, the walk backward.
///
///     Network net({784});                                   // one input of 784 features
///     net.add("dense1", torch::nn::Linear(784, 100));       // reads the node before it
///     const auto a = net.add("relu1", torch::nn::ReLU());
///     net.add("sum", std::make_shared<Sum>(), {a, b});      // reads two nodes
///
/// Names may contain dots ("conv1.0"); the order of `add` is the order of the parameters.
class BACKOBS_API Network {
 public:
  /// A network whose first input takes [N, *sample_shape].
  explicit Network(std::vector<int64_t> sample_shape);
  ~Network();

  /// A further input. Inputs are declared before the first module; ComputeError after it.
  NodeId add_input(std::vector<int64_t> sample_shape);
  /// Adds a node; without `inputs` it reads the node added last. Throws ComputeError for a name in use, no rule, and an
  /// input that is not there yet. That shapes fit is seen by sample_shapes() and the first pass.
  NodeId add(const std::string& name, std::shared_ptr<const LayerRule> rule, std::vector<NodeId> inputs = {});
  /// The same for a torch::nn module: include backobs/module.h. A module type without a rule goes through autograd.
  template <typename Module>
  NodeId add(const std::string& name, const Module& module, std::vector<NodeId> inputs = {});

  /// The nodes whose values the loss takes, in the order it takes them. Default: the last node. Throws ComputeError for
  /// none, and for one that is not there.
  void set_outputs(std::vector<NodeId> outputs);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<NodeId>& outputs() const { return outputs_; }
  std::vector<NodeId> inputs() const;
  NodeId last() const { return static_cast<NodeId>(nodes_.size()) - 1; }
  /// How many nodes (and network outputs) read this node.
  int64_t fan_out(NodeId node) const;

  /// Every parameter once, in order of its first use; tensors used twice are found by identity.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Parameter& parameter(const std::string& name) const;  ///< ComputeError, with the nearest name, if there is none

  /// Moves parameters and buffers. Parameters keep their identity.
  void to(c10::ScalarType dtype, c10::Device device);
  /// Output shape [*out] of every node for one sample, found by running zeros forward in evaluation mode. A module that
  /// does not take what it gets throws; the message names the node.
  std::vector<std::vector<int64_t>> sample_shapes() const;

 private:
  void register_parameters(NodeId node);
  std::vector<Node> nodes_;
  std::vector<NodeId> outputs_;
  std::vector<Parameter> parameters_;
};

}  // namespace backobs
