// SPDX-License-Identifier: MIT
#pragma once

#include "host/registry.h"
#include "tolerance.h"
#include "walk/pass.h"

#include <backobs/module.h>

#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <map>

/// Small networks with a batch and a loss, run through the walk and through brute-force autograd.
namespace backobs {

inline const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

inline ExtensionInstance make_one(const std::string& key, const std::string& plugin,
                                  const std::map<std::string, std::vector<std::string>>& options = {}) {
  std::map<std::string, RawValue> raw;
  const auto schema = registry().schema("extension", plugin);
  for (const auto& [name, items] : options) raw[name] = {items, schema.find(name)->is_list(), false, "test"};
  return {key, registry().make_extension(plugin, schema.check(raw, plugin, "test"))};
}

inline std::vector<ExtensionInstance> make(const std::vector<std::string>& names) {
  std::vector<ExtensionInstance> result;
  for (const auto& name : names) result.push_back(make_one(name, name));
  return result;
}

/// Every registered extension.
inline std::vector<std::string> all_names() {
  std::vector<std::string> result;
  for (const auto& plugin : registry().list("extension")) result.push_back(plugin.manifest.name);
  return result;
}

/// By "QUANTITY/PARAMETER".
using Values = std::map<std::string, TensorList>;

struct Case {
  Network net;
  Batch batch;
  std::shared_ptr<LossRule> loss;
};

/// Parameters, targets and (unless given) inputs [n, 6] are normal draws, the same in every run. Three outputs.
inline Case make_case(Network net, bool mse = false, LossReduction reduction = LossReduction::mean, int64_t n = 5,
                      Tensor x = {}) {
  at::manual_seed(3);
  net.to(at::kDouble, at::kCPU);
  at::NoGradGuard no_grad;
  for (const auto& parameter : net.parameters()) Tensor(parameter.value).normal_(0, 0.6);
  if (!x.defined()) x = at::randn({n, 6}, at::kDouble);
  const auto y = mse ? at::randn({n, 3}, at::kDouble) : at::randint(3, {n}, at::kLong);
  return {std::move(net), {{x}, {y}, at::arange(n), n}, mse ? mean_squared_error(reduction) : cross_entropy(reduction)};
}

/// One training pass: every result, grad, loss and individual losses.
inline Values run(const Case& c, const std::vector<ExtensionInstance>& extensions, PassSettings settings = {}, int64_t step = 0) {
  Pass pass(c.net, c.loss, std::move(settings));
  Values values;
  const auto outcome = pass.run(c.batch, {c.batch.size, 0, step, Random(5)}, true, extensions,
                                [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                  values[quantity + "/" + parameter] = value.tensors;
                                });
  for (const auto& parameter : c.net.parameters())
    if (parameter.trainable()) values["grad/" + parameter.name] = {parameter.value.grad().clone()};
  values["individual_loss"] = {outcome.individual_loss};
  values["loss"] = {at::tensor(outcome.evaluation.loss, at::kDouble)};
  return values;
}

/// How `run` runs the network, at its step 0.
inline ForwardContext training_context(bool frozen_normalisation = false) { return {true, frozen_normalisation, Random(5), {}}; }

/// The network's outputs with their autograd graph, by running every node's forward.
inline TensorList outputs_with_graph(const Case& c, ForwardContext context = training_context()) {
  at::AutoGradMode grad(true);
  std::vector<Tensor> values(c.batch.inputs);
  for (NodeId id = static_cast<NodeId>(values.size()); id <= c.net.last(); ++id) {
    TensorList inputs, saved;
    for (const auto input : c.net.nodes()[id].inputs) inputs.push_back(values[input]);
    context.node = c.net.nodes()[id].name;
    values.push_back(c.net.nodes()[id].rule->forward(inputs, context, saved));
  }
  TensorList outputs;
  for (const auto node : c.net.outputs()) outputs.push_back(values[node]);
  return outputs;
}
inline Tensor with_graph(const Case& c, const ForwardContext& context = training_context()) {
  return outputs_with_graph(c, context).front();
}

/// l_n, [N], with the loss written out in torch.
inline Tensor contributions(const Case& c, const Tensor& output, double penalty = 0) {
  const bool mse = c.loss->type() == "MSELoss", mean = c.loss->reduction() == LossReduction::mean;
  const auto& y = c.batch.targets[0];
  const double n = static_cast<double>(c.batch.size);
  auto l = mse ? (output - y).square().sum(1) : -at::log_softmax(output, 1).gather(1, y.unsqueeze(1)).squeeze(1);
  if (mean) l = l / (mse ? n * 3 : n);
  for (const auto& parameter : c.net.parameters()) l = l + penalty / 2 / n * parameter.value.square().sum();
  return l;
}

inline Tensor or_zeros(const Tensor& gradient, const Tensor& leaf) {
  return gradient.defined() ? gradient : at::zeros_like(leaf.detach());
}

/// J_n^T H_n J_n summed over samples, [P, P], from one backward per sample and output.
inline Tensor ggn_block(const Case& c, const Tensor& output, const Tensor& w) {
  const bool mse = c.loss->type() == "MSELoss", mean = c.loss->reduction() == LossReduction::mean;
  const double n = static_cast<double>(c.batch.size);
  auto ggn = at::zeros({w.numel(), w.numel()}, at::kDouble);
  for (int64_t i = 0; i < c.batch.size; ++i) {
    TensorList jacobian;
    for (int64_t k = 0; k < 3; ++k)
      jacobian.push_back(or_zeros(torch::autograd::grad({output[i][k]}, {w}, {}, true, false, true)[0], w).flatten());
    const auto j = at::stack(jacobian);
    const auto p = at::softmax(output[i].detach(), 0);
    auto h = mse ? 2 * at::eye(3, at::kDouble) : at::diag(p) - at::outer(p, p);
    if (mean) h = h / (mse ? 3 * n : n);
    ggn += j.t().matmul(h).matmul(j);
  }
  return ggn;
}

/// Diagonal of the Hessian of `loss` by double backward, one row per entry.
inline Tensor hessian_diagonal(const Tensor& loss, const Tensor& w) {
  const auto first = torch::autograd::grad({loss}, {w}, {}, true, true, true)[0];
  auto diagonal = at::zeros({w.numel()}, at::kDouble);
  if (!first.defined() || !first.requires_grad()) return diagonal.reshape(w.sizes());
  const auto flat = first.flatten();
  for (int64_t i = 0; i < w.numel(); ++i) {
    const auto row = torch::autograd::grad({flat[i]}, {w}, {}, true, false, true)[0];
    if (row.defined()) diagonal[i] = row.flatten()[i];
  }
  return diagonal.reshape(w.sizes());
}

/// What brute force knows of every parameter, from the contributions l [N], which contain the penalty, and the block of the
/// Gauss-Newton matrix without it, which is put as "ggn/NAME".
inline Values brute_force(const Network& net, const Tensor& l, const std::function<Tensor(const Tensor&)>& block,
                          double penalty) {
  Values values;
  for (const auto& parameter : net.parameters()) {
    const auto& w = parameter.value;
    TensorList rows;
    for (int64_t i = 0; i < l.size(0); ++i)
      rows.push_back(or_zeros(torch::autograd::grad({l[i]}, {w}, {}, true, false, true)[0], w));
    const auto g = at::stack(rows);
    const auto ggn = block(w);
    const auto put = [&](const std::string& quantity, const Tensor& value) { values[quantity + "/" + parameter.name] = {value}; };
    put("grad", g.sum(0));
    put("grad_batch", g);
    put("batch_l2", g.flatten(1).square().sum(1));
    put("sum_grad_squared", g.square().sum(0));
    put("variance", g.square().mean(0) - g.mean(0).square());
    put("diag_ggn_exact", at::diagonal(ggn).reshape(w.sizes()) + penalty);
    put("diag_h", hessian_diagonal(l.sum(), w));
    put("ggn", ggn);
  }
  return values;
}
inline Values brute_force(const Case& c, const Tensor& output, double penalty = 0) {
  return brute_force(c.net, contributions(c, output, penalty), [&](const Tensor& w) { return ggn_block(c, output, w); }, penalty);
}

/// The deterministic quantities that brute force knows.
inline const std::vector<std::string>& brute_force_quantities() {
  static const std::vector<std::string> names = {"grad_batch",     "batch_l2", "sum_grad_squared", "variance",
                                                 "diag_ggn_exact", "diag_h"};
  return names;
}

/// Every expected value, found under its own key; the gradient under "`grad`/NAME". Second derivatives come from longer sums.
inline void expect_equal_values(const Values& found, const Values& expected, const std::string& grad = "grad") {
  for (const auto& [key, value] : expected) {
    if (key.rfind("ggn/", 0) == 0) continue;
    const auto where = key.rfind("grad/", 0) == 0 ? grad + key.substr(4) : key;
    ASSERT_TRUE(found.count(where)) << where;
    const bool second = key.rfind("diag_", 0) == 0;
    EXPECT_TRUE(second ? tensors_near(found.at(where)[0], value[0], 1e-9, 1e-12)
                       : equal_up_to_rounding(found.at(where)[0], value[0])) << where;
  }
}

/// Every network whose samples pass independently: loss, gradient and quantities of one pass equal brute force.
inline void expect_matches_brute_force(const Case& c, double penalty = 0) {
  PassSettings settings;
  settings.l2_reg = penalty;
  settings.is_regularised = [](const std::string&) { return true; };
  const auto found = run(c, make(brute_force_quantities()), settings);
  const auto output = with_graph(c);
  const auto l = contributions(c, output, penalty);
  EXPECT_NEAR(found.at("loss")[0].item<double>(), l.sum().item<double>(), 1e-12);
  const bool mean = c.loss->reduction() == LossReduction::mean;
  EXPECT_TRUE(equal_up_to_rounding(found.at("individual_loss")[0], mean ? l * static_cast<double>(c.batch.size) : l));
  expect_equal_values(found, brute_force(c, output, penalty));
}

}  // namespace backobs
