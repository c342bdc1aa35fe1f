// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/testing/brute_force.h>

#include "host/registry.h"
#include "tolerance.h"
#include "walk/pass.h"

#include <torch/nn/modules/linear.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// A small network with loss and batch, its quantities as a pass gives them, and brute force beside them.
namespace backobs {

namespace nn = torch::nn;
using testing::BruteForce;
using testing::OwnForwards;

/// [N, A, B] -> [N, B, A].
struct SwapAxesImpl : nn::Module {
  Tensor forward(const Tensor& x) { return x.transpose(1, 2); }
};
/// x + y.
struct PlusImpl : nn::Module {
  Tensor forward(const Tensor& x, const Tensor& y) { return x + y; }
};
/// x y, entry by entry: curved jointly in its two inputs.
struct TimesImpl : nn::Module {
  Tensor forward(const Tensor& x, const Tensor& y) { return x * y; }
};

struct TestNetwork {
  uint64_t seed = 0;
  std::string description;
  Network net{{1}};
  OwnForwards own;
  Batch batch;
  std::function<std::shared_ptr<LossRule>(LossReduction)> make_loss;
  LossReduction reduction = LossReduction::mean;
  bool training = true;
  std::map<std::string, double> penalties = {};  ///< c by parameter name, all equal

  std::shared_ptr<LossRule> loss() const { return make_loss(reduction); }
  /// Adds a module and keeps its own forward beside its rule's.
  template <typename Module>
  NodeId add(const std::string& name, const Module& module, std::vector<NodeId> inputs = {}) {
    own[name] = detail::forward_of(detail::pointer_of(module));
    return net.add(name, module, std::move(inputs));
  }
};

inline const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

using RawOptions = std::map<std::string, RawValue>;
inline RawValue raw(const std::string& text) { return {{text}, false, false, "test"}; }

inline ExtensionInstance make(const std::string& name, const RawOptions& options = {}) {
  return {name, registry().make_extension(name, registry().schema("extension", name).check(options, name, "test"))};
}
inline std::vector<ExtensionInstance> make(const std::vector<std::string>& names) {
  std::vector<ExtensionInstance> result;
  for (const auto& name : names) result.push_back(make(name));
  return result;
}

/// Results by "quantity/parameter", and "grad/parameter". Refused cells are absent.
using Values = std::map<std::string, TensorList>;

inline Values run(const TestNetwork& tested, const std::vector<ExtensionInstance>& extensions, int64_t step = 0) {
  PassSettings settings;
  if (!tested.penalties.empty()) {
    settings.l2_reg = tested.penalties.begin()->second;
    settings.is_regularised = [&](const std::string& name) { return tested.penalties.count(name) > 0; };
  }
  Pass pass(tested.net, tested.loss(), settings);
  Values values;
  pass.run(tested.batch, {tested.batch.size, 0, step, Random(tested.seed)}, tested.training, extensions,
           [&](auto& quantity, auto& parameter, const ResultValue& value) {
             values[quantity + "/" + parameter] = value.tensors;
           });
  for (const auto& parameter : tested.net.parameters())
    if (parameter.trainable()) values["grad/" + parameter.name] = {parameter.value.grad().clone()};
  return values;
}
inline Values run(const TestNetwork& tested, const std::vector<std::string>& names, int64_t step = 0) {
  return run(tested, make(names), step);
}

inline BruteForce brute_force(const TestNetwork& tested) {
  return {tested.net, *tested.loss(), tested.batch, {tested.training, false, Random(tested.seed), {}}, tested.own, tested.penalties};
}

inline ::testing::AssertionResult close(const Tensor& found, const Tensor& wanted) {
  return tensors_near(found, wanted, 1e-10, 1e-13);
}
/// The diagonals of [.., P, P].
inline Tensor diagonals(const Tensor& blocks) { return at::diagonal(blocks, 0, -2, -1); }

/// Parameters from the test's seed, sized so that no layer saturates.
inline void fill_parameters(TestNetwork& tested) {
  const at::NoGradGuard no_grad;
  tested.net.to(at::kDouble, at::kCPU);
  uint64_t stream = 1000;
  for (const auto& parameter : tested.net.parameters()) {
    const auto value = at::randn(parameter.value.sizes(), Random(tested.seed).generator(Draw::probe, ++stream), at::kDouble);
    const double fan = static_cast<double>(parameter.value.numel()) / static_cast<double>(parameter.value.size(0));
    Tensor(parameter.value).copy_(value * (parameter.value.dim() > 1 ? 1.4 / std::sqrt(fan) : 0.5));
  }
}

/// Normal numbers in double precision that follow from a stream alone.
inline Tensor normal(const std::vector<int64_t>& shape, uint64_t stream = 0) {
  return at::randn(shape, Random(17).generator(Draw::probe, stream), at::kDouble);
}

/// A network without nodes, and a batch for it.
inline TestNetwork network_on(std::vector<int64_t> sample_shape, int64_t samples = 3) {
  TestNetwork tested;
  tested.seed = 17;
  tested.net = Network(sample_shape);
  sample_shape.insert(sample_shape.begin(), samples);
  tested.batch = {{normal(sample_shape)}, {}, at::arange(samples), samples};
  return tested;
}
/// Ends a network with logits, and cross entropy of three classes.
inline void classify(TestNetwork& tested) {
  if (tested.net.sample_shapes().back().size() > 1) tested.add("flatten", nn::Flatten());
  tested.add("logits", nn::Linear(tested.net.sample_shapes().back()[0], 3));
  fill_parameters(tested);
  tested.batch.targets = {(2 * at::arange(tested.batch.size)).remainder(3)};
  tested.make_loss = [](LossReduction reduction) { return cross_entropy(reduction); };
}

/// First order and diagonals of every parameter against brute force: equations 1 to 5, 7 and 11 in one go.
inline void expect_brute_force(const TestNetwork& tested) {
  const auto values = run(tested, std::vector<std::string>{"grad_batch", "sum_grad_squared", "batch_l2", "variance", "diag_ggn_exact", "diag_h"});
  const auto brute = brute_force(tested);
  for (const auto& parameter : tested.net.parameters()) {
    if (!parameter.trainable()) continue;
    SCOPED_TRACE(parameter.name);
    const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
    const auto g = brute.gradients(parameter.name);
    EXPECT_TRUE(close(get("grad"), g.sum(0))) << "gradient";
    EXPECT_TRUE(close(get("grad_batch"), g)) << "grad_batch";
    EXPECT_TRUE(close(get("sum_grad_squared"), g.square().sum(0))) << "sum_grad_squared";
    EXPECT_TRUE(close(get("batch_l2"), g.flatten(1).square().sum(1))) << "batch_l2";
    const double rounding = 1e-14 * g.square().max().item<double>() + 1e-28;  // g itself may be rounding alone
    EXPECT_TRUE(tensors_near(get("variance"), (g - g.mean(0)).square().mean(0), 1e-10, rounding)) << "variance";
    EXPECT_TRUE(close(get("diag_ggn_exact").flatten(), diagonals(brute.ggn(parameter.name)).sum(0))) << "diag_ggn_exact";
    EXPECT_TRUE(close(get("diag_h").flatten(), diagonals(brute.hessians(parameter.name)).sum(0))) << "diag_h";
  }
}

}  // namespace backobs
