// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/network.h>

#include "network/tape.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <algorithm>

namespace backobs {

Network::Network(std::vector<int64_t> sample_shape) { add_input(std::move(sample_shape)); }
Network::~Network() = default;

NodeId Network::add_input(std::vector<int64_t> sample_shape) {
  if (!nodes_.empty() && nodes_.back().rule)
    throw ComputeError("network", "an input added after `" + nodes_.back().name + "`", "all inputs before the first module");
  const auto name = nodes_.empty() ? std::string("input") : "input" + std::to_string(nodes_.size());
  nodes_.push_back({name, nullptr, {}, std::move(sample_shape)});
  outputs_ = {last()};
  return last();
}

NodeId Network::add(const std::string& name, std::shared_ptr<const LayerRule> rule, std::vector<NodeId> inputs) {
  const auto same_name = [&](const Node& node) { return node.name == name; };
  if (std::any_of(nodes_.begin(), nodes_.end(), same_name))
    throw ComputeError("network", "two nodes called `" + name + "`", "one name per node");
  if (!rule) throw ComputeError("network node `" + name + "`", "no layer rule", "a rule or a module");
  if (inputs.empty()) inputs = {last()};
  for (const auto input : inputs)
    if (input < 0 || input > last())
      throw ComputeError("network node `" + name + "`", "input " + std::to_string(input), "a node added before");
  nodes_.push_back({name, std::move(rule), std::move(inputs), {}});
  register_parameters(last());
  outputs_ = {last()};
  return last();
}

void Network::register_parameters(NodeId node) {
  for (const auto& [local_name, value] : nodes_[node].rule->parameters()) {
    const auto same = [&value = value](const Parameter& p) { return p.value.is_same(value); };
    auto known = std::find_if(parameters_.begin(), parameters_.end(), same);
    if (known == parameters_.end())
      known = parameters_.insert(known, {nodes_[node].name + "." + local_name, value, {}});
    known->uses.push_back({node, local_name});
  }
}

void Network::set_outputs(std::vector<NodeId> outputs) {
  for (const auto node : outputs)
    if (node < 0 || node > last()) throw ComputeError("network", "output " + std::to_string(node), "a node of the network");
  if (outputs.empty()) throw ComputeError("network", "no outputs", "at least one");
  outputs_ = std::move(outputs);
}

std::vector<NodeId> Network::inputs() const {
  std::vector<NodeId> result;
  for (NodeId node = 0; node <= last() && !nodes_[node].rule; ++node) result.push_back(node);
  return result;
}

int64_t Network::fan_out(NodeId node) const {
  int64_t readers = std::count(outputs_.begin(), outputs_.end(), node);
  for (const auto& reader : nodes_) readers += std::count(reader.inputs.begin(), reader.inputs.end(), node);
  return readers;
}

const Parameter& Network::parameter(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& parameter : parameters_) {
    if (parameter.name == name) return parameter;
    names.push_back(parameter.name);
  }
  throw ComputeError("network", "parameter `" + name + "`", "a parameter of the network", nearest_name(name, names));
}

void Network::to(c10::ScalarType dtype, c10::Device device) {
  at::NoGradGuard no_grad;
  for (const auto& node : nodes_)
    if (node.rule && node.rule->module()) node.rule->module()->to(device, dtype);
}

std::vector<std::vector<int64_t>> Network::sample_shapes() const {
  at::NoGradGuard no_grad;
  const auto options = parameters_.empty() ? at::TensorOptions() : parameters_.front().value.options();
  TensorList zeros;
  for (const auto input : inputs()) {
    auto shape = nodes_[input].sample_shape;
    shape.insert(shape.begin(), 1);
    zeros.push_back(at::zeros(shape, options.requires_grad(false)));
  }
  std::vector<std::vector<int64_t>> shapes;
  run_forward(*this, zeros, {}, [&](NodeId, const Tensor& output) { shapes.push_back(output.sizes().slice(1).vec()); });
  return shapes;
}

}  // namespace backobs
