// SPDX-License-Identifier: MIT
#include "network/tape.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <sstream>

namespace backobs {
namespace {

std::string shapes_of(const TensorList& tensors) {
  std::ostringstream text;
  for (const auto& tensor : tensors) text << (&tensor == &tensors.front() ? "" : ", ") << tensor.sizes();
  return text.str();
}

/// Runs one node and turns LibTorch's complaint into an error that names it.
template <typename Function>
auto at_node(const Node& node, const TensorList& inputs, Function function) {
  try {
    return function();
  } catch (const c10::Error& error) {
    throw ComputeError("node `" + node.name + "` (" + node.rule->type() + ")",
                       "inputs of shape " + shapes_of(inputs) + ": " + error.what_without_backtrace());
  }
}

void check_inputs(const Network& network, const TensorList& inputs) {
  const auto nodes = network.inputs();
  if (inputs.size() != nodes.size())
    throw ComputeError("network", std::to_string(inputs.size()) + " inputs", std::to_string(nodes.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].dim() == 0 || inputs[i].sizes().slice(1) != at::IntArrayRef(network.nodes()[nodes[i]].sample_shape))
      throw ComputeError("network input " + std::to_string(i), "samples of shape " + shapes_of({inputs[i]}),
                         "[N, *sample] with the declared sample shape");
}

TensorList gather(const std::vector<Tensor>& values, const std::vector<NodeId>& nodes) {
  TensorList result;
  result.reserve(nodes.size());
  for (const auto node : nodes) result.push_back(values[node]);
  return result;
}

/// By node: the last one that reads it; one past the network's last for its outputs, -1 where nobody does.
std::vector<NodeId> last_readers(const Network& network) {
  const auto& nodes = network.nodes();
  std::vector<NodeId> last(nodes.size(), -1);
  for (NodeId id = 0; id <= network.last(); ++id)
    for (const auto input : nodes[id].inputs) last[input] = id;
  for (const auto output : network.outputs()) last[output] = network.last() + 1;
  return last;
}

}  // namespace

Tape::Tape(const Network& network, const TensorList& inputs, const ForwardContext& context) : layers_(network.nodes().size()) {
  check_inputs(network, inputs);
  std::vector<Tensor> values(inputs);
  values.resize(network.nodes().size());
  const auto last_reader = last_readers(network);
  auto here = context;
  for (NodeId id = static_cast<NodeId>(inputs.size()); id <= network.last(); ++id) {
    const auto& node = network.nodes()[id];
    here.node = node.name;
    auto taken = gather(values, node.inputs);
    at_node(node, taken, [&] { layers_[id].emplace(node.rule, taken, here); return 0; });
    values[id] = layers_[id]->output();
    taken.clear();
    for (const auto input : node.inputs) {
      if (last_reader[input] != id) continue;
      values[input] = Tensor();
      if (layers_[input]) layers_[input]->release_unread();
    }
  }
  outputs_ = gather(values, network.outputs());
  for (NodeId id = 0; id <= network.last(); ++id)
    if (layers_[id] && (last_reader[id] < 0 || last_reader[id] > network.last())) layers_[id]->release_unread();
}

TensorList run_forward(const Network& network, const TensorList& inputs, ForwardContext context,
                       const std::function<void(NodeId, const Tensor&)>& seen) {
  check_inputs(network, inputs);
  context.walked = false;
  const auto& nodes = network.nodes();
  const auto last_reader = last_readers(network);
  std::vector<Tensor> values(inputs);
  values.resize(nodes.size());
  for (NodeId id = 0; id <= network.last(); ++id) {
    if (nodes[id].rule) {
      context.node = nodes[id].name;
      TensorList saved;
      const auto taken = gather(values, nodes[id].inputs);
      values[id] = at_node(nodes[id], taken, [&] { return nodes[id].rule->forward(taken, context, saved); });
      for (const auto input : nodes[id].inputs)
        if (last_reader[input] == id) values[input] = Tensor();
    }
    if (seen) seen(id, values[id]);
  }
  return gather(values, network.outputs());
}

}  // namespace backobs
