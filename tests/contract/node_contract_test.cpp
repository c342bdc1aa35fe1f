// SPDX-License-Identifier: MIT
// Nodes without a module, softmax, normalisation and embeddings against the defaults, which read from autograd.
#include "contract/contract_rules.h"

#include <backobs/error.h>
#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>

namespace backobs {
namespace {

namespace nn = torch::nn;

ForwardContext training() { return {true, false, Random(3), "node"}; }
ForwardContext frozen() { return {true, true, Random(3), "node"}; }

/// The rule of a normalisation module with parameters that are not 1 and 0.
template <typename Module>
std::shared_ptr<const LayerRule> normalisation(Module module) {
  const at::NoGradGuard no_grad;
  module->to(at::kDouble);
  for (auto& parameter : module->parameters()) parameter.copy_(random(parameter.sizes().vec(), 8));
  return rule_of(module);
}

Tensor output_of(const std::shared_ptr<const LayerRule>& rule, const TensorList& inputs, const ForwardContext& context = {}) {
  TensorList saved;
  return rule->forward(inputs, context, saved);
}

TEST(NodeContract, Arithmetic) {
  const auto x = random({4, 2, 3}, 1), y = random({4, 2, 3}, 2), z = random({4, 2, 3}, 3);
  for (const auto& inputs : {TensorList{x}, TensorList{x, y}, TensorList{x, y, z}}) EXPECT_LAYER_CONTRACT(nodes::sum(), inputs);
  EXPECT_LAYER_CONTRACT(nodes::product(), {x, y});
  EXPECT_LAYER_CONTRACT(nodes::product(), {random({1, 3}), random({1, 3}, 2)});
  for (const double a : {-0.5, 0.0, 3.0}) EXPECT_LAYER_CONTRACT(nodes::scale(a), {x});
  EXPECT_LAYER_CONTRACT(nodes::exp(), {x});
  EXPECT_TRUE(output_of(nodes::sum(), {x, y, z}).equal(x + y + z));
  EXPECT_THROW(output_of(nodes::sum(), {x, y[0]}), ComputeError);
  EXPECT_THROW(output_of(nodes::product(), {x}), ComputeError);
}

TEST(NodeContract, Reparametrise) {
  const auto m = random({5, 4}, 1), s = random({5, 4}, 2);
  EXPECT_LAYER_CONTRACT(nodes::reparametrise(), {m, s});
  EXPECT_LAYER_CONTRACT(nodes::reparametrise(), {m, s}, training());
  const auto noise = (output_of(nodes::reparametrise(), {m, s}, training()) - m) / s.exp();
  EXPECT_TRUE(noise.allclose((output_of(nodes::reparametrise(), {m, s}, {false, false, Random(3), "node"}) - m) / s.exp()))
      << "evaluation draws the same noise";
  EXPECT_FALSE(noise.allclose((output_of(nodes::reparametrise(), {m, s}, {true, false, Random(3), "other"}) - m) / s.exp()));
  const auto zeros = at::zeros({2000, 5}, at::kDouble);
  const auto draws = output_of(nodes::reparametrise(), {zeros, zeros}, training());
  EXPECT_NEAR(draws.mean().item<double>(), 0, 6 / std::sqrt(1e4));              // six standard errors
  EXPECT_NEAR(draws.square().mean().item<double>(), 1, 6 * std::sqrt(2 / 1e4));
}

TEST(NodeContract, Matmul) {
  EXPECT_LAYER_CONTRACT(nodes::matmul(), {random({3, 2, 4}), random({3, 4, 3}, 2)});
  EXPECT_LAYER_CONTRACT(nodes::matmul(false, -0.7), {random({2, 2, 3, 2}), random({2, 2, 2, 4}, 2)});
  EXPECT_LAYER_CONTRACT(nodes::matmul(true, 0.5), {random({3, 2, 4}), random({3, 3, 4}, 2)});
  EXPECT_LAYER_CONTRACT(nodes::matmul(true), {random({1, 1, 4}), random({1, 4, 1}, 2).transpose(1, 2)});
  EXPECT_THROW(output_of(nodes::matmul(), {random({3, 2, 4}), random({3, 3, 4})}), ComputeError);
}

TEST(NodeContract, Softmax) {
  for (const int64_t axis : {1, 2, -1}) EXPECT_LAYER_CONTRACT(nodes::softmax(axis), {random({3, 4, 3})});
  EXPECT_LAYER_CONTRACT(nodes::softmax(2), {random({2, 2, 3, 2})});
  EXPECT_LAYER_CONTRACT(rule_of(nn::Softmax(1)), {random({4, 5})});
  EXPECT_THROW(output_of(nodes::softmax(0), {random({3, 4})}), ComputeError);
}

TEST(NodeContract, Shapes) {
  const auto x = random({3, 4, 6});
  EXPECT_LAYER_CONTRACT(nodes::reshape({2, 12}), {x});
  EXPECT_LAYER_CONTRACT(nodes::reshape({-1}), {random({6, 4, 3}).transpose(0, 2)});
  EXPECT_LAYER_CONTRACT(nodes::permute({0, 2, 1}), {x});
  EXPECT_LAYER_CONTRACT(nodes::permute({0, 3, 1, 2}), {random({2, 2, 3, 4})});
  EXPECT_LAYER_CONTRACT(nodes::slice(1, 1, 2), {x});
  EXPECT_LAYER_CONTRACT(nodes::slice(-1, 0, 3, 2), {x});
  EXPECT_LAYER_CONTRACT(nodes::concat(), {x, random({3, 1, 6}, 2), random({3, 2, 6}, 3)});
  EXPECT_LAYER_CONTRACT(nodes::concat(-1), {x, random({3, 4, 1}, 2)});
  EXPECT_LAYER_CONTRACT(nodes::pad({1, 2, 0, 1}, 0.5), {x});
  EXPECT_LAYER_CONTRACT(nodes::pad({-1, -2}), {x});
  EXPECT_LAYER_CONTRACT(nodes::pad({-1, 2, 3, 0}), {x});
  EXPECT_LAYER_CONTRACT(nodes::mean({1}), {x});
  EXPECT_LAYER_CONTRACT(nodes::mean({-1, 1}), {random({2, 3, 2, 4})});
  EXPECT_TRUE(output_of(nodes::slice(-1, 0, 3, 2), {x}).equal(at::stack({x.select(2, 0), x.select(2, 2), x.select(2, 4)}, 2)));
  EXPECT_THROW(nodes::permute({1, 0}), ComputeError);
  EXPECT_THROW(nodes::permute({0, 1, 1}), ComputeError);
  EXPECT_THROW(nodes::pad({1}), ComputeError);
  for (const auto& rule : {nodes::slice(0, 0, 1), nodes::concat(0), nodes::mean({0}), nodes::pad({0, 0, 0, 0, 1, 1}),
                           nodes::slice(1, 2, 3)})
    EXPECT_THROW(output_of(rule, {x}), ComputeError) << rule->type();
}

TEST(NodeContract, LayerNorm) {
  EXPECT_LAYER_CONTRACT(normalisation(nn::LayerNorm(nn::LayerNormOptions({5}))), {random({4, 5})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::LayerNorm(nn::LayerNormOptions({3}).eps(0.1))), {random({3, 2, 3})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::LayerNorm(nn::LayerNormOptions({2, 3}))), {random({3, 2, 2, 3})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::LayerNorm(nn::LayerNormOptions({4}).elementwise_affine(false))), {random({1, 4})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::LayerNorm(nn::LayerNormOptions({4}))), {random({4, 3}).t()});
}

TEST(NodeContract, GroupNorm) {
  EXPECT_LAYER_CONTRACT(normalisation(nn::GroupNorm(2, 4)), {random({3, 4})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::GroupNorm(nn::GroupNormOptions(2, 4).eps(0.1))), {random({2, 4, 2})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::GroupNorm(1, 2)), {random({2, 2, 2, 2})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::GroupNorm(nn::GroupNormOptions(3, 3).affine(false))), {random({2, 3, 3})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::GroupNorm(2, 4)), {random({2, 3, 4}).transpose(1, 2)});
}

TEST(NodeContract, BatchNorm) {
  for (const auto& context : {ForwardContext{}, frozen(), training()}) {
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm1d(3)), {random({5, 3})}, context);
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm1d(nn::BatchNormOptions(3).affine(false))), {random({4, 3, 2})}, context);
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm2d(nn::BatchNormOptions(2).eps(0.1))), {random({3, 2, 2, 3})}, context);
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm3d(2)), {random({2, 2, 2, 1, 2})}, context);
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm2d(2)), {random({1, 2, 2, 2})}, context);
    EXPECT_LAYER_CONTRACT(normalisation(nn::BatchNorm1d(nn::BatchNormOptions(2).track_running_stats(false))), {random({4, 2})},
                          context);
  }
}

/// torch's module with the same options is the judge of outputs and statistics.
TEST(NodeContract, BatchNormMovesItsStatisticsAsTorchDoes) {
  for (const auto& options : {nn::BatchNormOptions(3), nn::BatchNormOptions(3).momentum(0.9),
                              nn::BatchNormOptions(3).momentum(c10::nullopt), nn::BatchNormOptions(3).track_running_stats(false)}) {
    nn::BatchNorm2d ours(options), theirs(options);
    ours->to(at::kDouble);
    theirs->to(at::kDouble);
    const auto rule = rule_of(ours);
    for (uint64_t step = 0; step < 3; ++step) {
      const auto x = 2 + 3 * random({4, 3, 2, 2}, step);
      theirs->train();
      EXPECT_TRUE(output_of(rule, {x}, training()).allclose(theirs->forward(x)));
      theirs->eval();
      for (const auto& context : {ForwardContext{}, frozen()})
        EXPECT_TRUE(output_of(rule, {x}, context).allclose(theirs->forward(x)));
      if (!options.track_running_stats()) continue;
      EXPECT_TRUE(ours->running_mean.allclose(theirs->running_mean));
      EXPECT_TRUE(ours->running_var.allclose(theirs->running_var));
      EXPECT_EQ(ours->num_batches_tracked.item<int64_t>(), static_cast<int64_t>(step) + 1);
    }
  }
  EXPECT_THROW(output_of(rule_of(nn::BatchNorm1d(3)), {random({1, 3})}, training()), ComputeError);
}

TEST(NodeContract, Embedding) {
  const auto k = at::tensor({3, 0, 3, 1, 2, 2}, at::kLong);
  EXPECT_LAYER_CONTRACT(normalisation(nn::Embedding(4, 3)), {k});
  EXPECT_LAYER_CONTRACT(normalisation(nn::Embedding(4, 3)), {k.view({2, 3})});
  EXPECT_LAYER_CONTRACT(normalisation(nn::Embedding(4, 2)), {k.view({3, 1, 2})});
  const auto whole = normalisation(nn::Embedding(4, 3));
  EXPECT_TRUE(output_of(whole, {k}).equal(output_of(whole, {k.to(at::kFloat)})));
}

/// The row of the padding keeps its value and gets no derivative; torch's own gradient is the judge.
TEST(NodeContract, EmbeddingLeavesThePaddingAlone) {
  nn::Embedding module(nn::EmbeddingOptions(4, 3).padding_idx(2));
  const auto rule = normalisation(module);
  const auto k = at::tensor({3, 2, 2, 1, 0, 2}, at::kLong).view({2, 3});
  const auto cotangent = random({2, 3, 3}, 4);
  module->forward(k).backward(cotangent);
  const RecordedLayer layer(rule, {k}, {});
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(rule->sum_param_jac_t(layer.io(0, 2), "weight", cotangent.unsqueeze(0)).allclose(module->weight.grad()));
  EXPECT_TRUE(rule->param_jac_t(layer.io(0, 2), "weight", cotangent.unsqueeze(0)).sum(1)[0].allclose(module->weight.grad()));
  EXPECT_EQ(module->weight.grad()[2].abs().sum().item<double>(), 0);
}

TEST(NodeContract, EmbeddingRefusesWhatCouplesSamples) {
  EXPECT_THROW(rule_of(nn::Embedding(nn::EmbeddingOptions(4, 3).max_norm(1.0))), ComputeError);
  EXPECT_THROW(rule_of(nn::Embedding(nn::EmbeddingOptions(4, 3).scale_grad_by_freq(true))), ComputeError);
}

}  // namespace
}  // namespace backobs
