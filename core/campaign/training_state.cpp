// SPDX-License-Identifier: MIT
#include "campaign/training_state.h"

#include <backobs/error.h>

#include "data/pt_file.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <sstream>

namespace backobs {
namespace {

/// Every tensor of a network that a training changes, with its name in a State.
std::vector<NamedTensor> tensors_of(const Network& network) {
  std::vector<NamedTensor> all;
  for (const Parameter& parameter : network.parameters()) all.push_back({"parameter/" + parameter.name, parameter.value});
  for (const Node& node : network.nodes())
    if (node.rule && node.rule->module())
      for (const auto& buffer : node.rule->module()->named_buffers())
        if (buffer.value().defined()) all.push_back({"buffer/" + node.name + "." + buffer.key(), buffer.value()});
  return all;
}

std::string description(const Tensor& tensor) {
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << " " << tensor.sizes();
  return text.str();
}

}  // namespace

void save_network(State& state, const Network& network) {
  for (const NamedTensor& tensor : tensors_of(network)) state.put(tensor.name, tensor.value.detach().clone());
}

void load_network(const State& state, const Network& network) {
  at::NoGradGuard no_grad;
  for (const NamedTensor& tensor : tensors_of(network)) {
    if (!state.has(tensor.name)) throw ComputeError(tensor.name, "no value", description(tensor.value));
    const Tensor& saved = state.tensor(tensor.name);
    if (saved.sizes() != tensor.value.sizes() || saved.scalar_type() != tensor.value.scalar_type())
      throw ComputeError(tensor.name, description(saved), description(tensor.value));
    Tensor(tensor.value).copy_(saved);
  }
}

void load_initial(const std::filesystem::path& file, const Network& network) {
  at::NoGradGuard no_grad;
  const auto saved = read_pt(file);
  std::vector<std::string> names;
  for (const auto& [name, value] : saved) names.push_back(name);
  for (const NamedTensor& tensor : tensors_of(network)) {
    const std::string plain = tensor.name.substr(tensor.name.find('/') + 1);
    auto found = saved.find(plain);
    if (found == saved.end()) found = saved.find(tensor.name);
    if (found == saved.end())
      throw ConfigError(file.string(), "no tensor `" + plain + "`", description(tensor.value), nearest_name(plain, names));
    if (found->second.sizes() != tensor.value.sizes())
      throw ConfigError(file.string(), "`" + plain + "` as " + description(found->second), description(tensor.value));
    Tensor(tensor.value).copy_(found->second);
  }
}

void save_curves(State& state, const Curves& curves) {
  Tensor epochs = at::empty({static_cast<int64_t>(curves.epochs.size()), 6}, at::kDouble);
  auto values = epochs.accessor<double, 2>();
  for (std::size_t i = 0; i < curves.epochs.size(); ++i) {
    const auto& [train, valid, test] = curves.epochs[i];
    const std::array<double, 6> row = {train.loss,     train.accuracy, valid.loss,
                                       valid.accuracy, test.loss,      test.accuracy};
    for (std::size_t j = 0; j < row.size(); ++j) values[static_cast<int64_t>(i)][static_cast<int64_t>(j)] = row[j];
  }
  state.put("curves/epochs", epochs);
  state.put("curves/minibatch_losses", at::tensor(curves.minibatch_losses, at::kDouble));
}

void load_curves(const State& state, Curves& curves) {
  const Tensor& epochs = state.tensor("curves/epochs");
  const auto values = epochs.accessor<double, 2>();
  curves.epochs.clear();
  for (int64_t i = 0; i < epochs.size(0); ++i)
    curves.epochs.push_back({{values[i][0], values[i][1]}, {values[i][2], values[i][3]}, {values[i][4], values[i][5]}});
  const Tensor& losses = state.tensor("curves/minibatch_losses");
  curves.minibatch_losses.assign(losses.data_ptr<double>(), losses.data_ptr<double>() + losses.numel());
}

void put_all(State& state, const std::string& prefix, const State& part) {
  for (const auto& [name, value] : part.values()) state.put(prefix + "/" + name, value);
}

State part_of(const State& state, const std::string& prefix) {
  State part;
  const std::string head = prefix + "/";
  for (const auto& [name, value] : state.values())
    if (name.compare(0, head.size(), head) == 0) part.put(name.substr(head.size()), value);
  return part;
}

}  // namespace backobs
