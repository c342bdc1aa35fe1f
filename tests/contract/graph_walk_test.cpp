// SPDX-License-Identifier: MIT
// Whole networks of graph nodes, normalisation, dropout, noise, embeddings and attention against brute force.
#include "contract/walk_case.h"

#include <backobs/error.h>
#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace backobs {
namespace {

namespace nn = torch::nn;

using State = std::vector<Tensor>;

/// Copies of all buffers (running statistics), and back.
State buffers(const Network& net) {
  State state;
  for (const auto& node : net.nodes())
    if (node.rule && node.rule->module())
      for (const auto& buffer : node.rule->module()->buffers()) state.push_back(buffer.clone());
  return state;
}
void restore(const Network& net, const State& state) {
  std::size_t next = 0;
  for (const auto& node : net.nodes())
    if (node.rule && node.rule->module())
      for (auto& buffer : node.rule->module()->buffers()) buffer.copy_(state[next++]);
}
void expect_same_state(const State& a, const State& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].allclose(b[i])) << "buffer " << i;
}

/// Kronecker's one-factor forms are exact: the block of a bias or a scale.
void expect_blocks_of_biases_and_scales(const Case& c, const Values& found, const Values& expected,
                                        const std::string& quantity) {
  int64_t compared = 0;
  for (const auto& info : Pass(c.net, c.loss, {}).parameters()) {
    if (info.form != ParamForm::bias && info.form != ParamForm::scale) continue;
    const auto& factors = found.at(quantity + "/" + info.name);
    ASSERT_EQ(factors.size(), 1u) << info.name;
    EXPECT_TRUE(tensors_near(factors[0], expected.at("ggn/" + info.name)[0], 1e-9, 1e-12)) << quantity << " of " << info.name;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

std::vector<std::string> with(std::vector<std::string> names, const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

Network batch_norm_network() {
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("positions", nodes::reshape({2, 3}));
  net.add("norm1", nn::BatchNorm1d(nn::BatchNormOptions(2).momentum(0.3)));
  net.add("flat", nn::Flatten());
  net.add("tanh", nn::Tanh());
  net.add("dropout", nn::Dropout(0.3));
  net.add("second", nn::Linear(6, 4));
  net.add("norm2", nn::BatchNorm1d(4));
  net.add("sigmoid", nn::Sigmoid());
  net.add("last", nn::Linear(4, 3));
  return net;
}

/// The gradient is autograd's through the training-mode network; everything else is that of the network with running
/// statistics, after this step's update, under the same dropout masks; nothing moves twice.
void expect_evaluation_mode_quantities(const Case& c) {
  const auto before = buffers(c.net);
  const auto found = run(c, make(with(brute_force_quantities(), {"kflr"})));
  const auto after = buffers(c.net);
  restore(c.net, before);
  const auto l = contributions(c, with_graph(c));
  expect_same_state(buffers(c.net), after);
  EXPECT_NEAR(found.at("loss")[0].item<double>(), l.sum().item<double>(), 1e-12);
  for (const auto& parameter : c.net.parameters())
    EXPECT_TRUE(tensors_near(found.at("grad/" + parameter.name)[0], torch::autograd::grad({l.sum()}, {parameter.value}, {}, true)[0],
                             1e-9, 1e-13)) << parameter.name;
  const auto expected = brute_force(c, with_graph(c, training_context(/*frozen_normalisation=*/true)));
  expect_same_state(buffers(c.net), after);
  expect_equal_values(found, expected, "grad_eval");
  expect_blocks_of_biases_and_scales(c, found, expected, "kflr");
  EXPECT_FALSE(found.at("grad/first.weight")[0].allclose(found.at("grad_eval/first.weight")[0]));
}

TEST(BatchNormWalk, QuantitiesAreOfEvaluationMode) {
  expect_evaluation_mode_quantities(make_case(batch_norm_network()));
  expect_evaluation_mode_quantities(make_case(batch_norm_network(), true, LossReduction::sum));
}

/// The block of residual networks for images, ended by an average over positions.
Network residual_image_network() {
  Network net({1, 3, 4});
  const auto same = nn::Conv2dOptions(2, 2, 3).padding(1).bias(false);
  net.add("first", nn::Conv2d(nn::Conv2dOptions(1, 2, 3).padding(1)));
  const auto trunk = net.add("tanh", nn::Tanh());
  net.add("norm1", nn::BatchNorm2d(2));
  net.add("softplus", nn::Softplus());
  net.add("conv", nn::Conv2d(same));
  const auto branch = net.add("norm2", nn::BatchNorm2d(nn::BatchNormOptions(2).momentum(0.9)));
  const auto shortcut = net.add("shortcut", nn::Conv2d(nn::Conv2dOptions(2, 2, 1)), {trunk});
  net.add("sum", nodes::sum(), {branch, shortcut});
  net.add("mean", nodes::mean({2, 3}));
  net.add("last", nn::Linear(2, 3));
  return net;
}

Tensor images(int64_t n) {
  return at::randn({n, 1, 3, 4}, at::make_generator<at::CPUGeneratorImpl>(uint64_t{4}), at::kDouble);
}

TEST(BatchNormWalk, ResidualNetworkOfImages) {
  expect_evaluation_mode_quantities(make_case(residual_image_network(), false, LossReduction::mean, 4, images(4)));
}

TEST(BatchNormWalk, OneImage) {
  expect_evaluation_mode_quantities(make_case(residual_image_network(), true, LossReduction::mean, 1, images(1)));
}

TEST(BatchNormWalk, OutcomeSaysSo) {
  for (const bool with_norm : {true, false}) {
    Network net({6});
    net.add("first", nn::Linear(6, 3));
    if (with_norm) net.add("norm", nn::BatchNorm1d(3));
    const auto c = make_case(std::move(net));
    Pass pass(c.net, c.loss, {});
    EXPECT_EQ(pass.couples_samples(), with_norm);
    const PassInfo info{c.batch.size, 0, 0, Random(5)};
    EXPECT_EQ(pass.run(c.batch, info, true, make({"batch_l2"})).evaluation_statistics, with_norm);
    EXPECT_FALSE(pass.run(c.batch, info, false, make({"batch_l2"})).evaluation_statistics);
    EXPECT_FALSE(pass.run(c.batch, info, true).evaluation_statistics);
  }
}

TEST(BatchNormWalk, TilesChangeNothing) {
  const auto c = make_case(batch_norm_network());
  const auto before = buffers(c.net);
  const auto whole = run(c, make({"grad_batch", "diag_h", "kflr", "kfra"}));
  for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 3}, {3, 0}}) {
    restore(c.net, before);
    PassSettings settings;
    settings.tiling.samples = samples;
    settings.tiling.columns = columns;
    for (const auto& [key, values] : run(c, make({"grad_batch", "diag_h", "kflr", "kfra"}), settings))
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(equal_up_to_rounding(values[i], whole.at(key)[i])) << key;
  }
}

TEST(BatchNormWalk, WithoutRunningStatisticsQuantitiesAreRefused) {
  Network net({6});
  net.add("first", nn::Linear(6, 3));
  net.add("norm", nn::BatchNorm1d(nn::BatchNormOptions(3).track_running_stats(false)));
  const auto c = make_case(std::move(net));
  const auto refusals = Pass(c.net, c.loss, {}).refusals(make({"batch_l2"}));
  ASSERT_EQ(refusals.size(), c.net.parameters().size());
  EXPECT_NE(refusals[0].reason.find("`norm` (BatchNorm1d)"), std::string::npos) << refusals[0].reason;
  const auto found = run(c, make({"batch_l2"}));
  EXPECT_EQ(found.count("batch_l2/first.weight"), 0u);
  const auto l = contributions(c, with_graph(c));
  for (const auto& parameter : c.net.parameters())
    EXPECT_TRUE(tensors_near(found.at("grad/" + parameter.name)[0], torch::autograd::grad({l.sum()}, {parameter.value}, {}, true)[0],
                             1e-9, 1e-13)) << parameter.name;
}

/// A module without a rule that normalises over the batch, and drops, inside.
struct BlockImpl : nn::Module {
  nn::Linear dense{nullptr};
  nn::BatchNorm1d norm{nullptr};
  nn::Dropout dropout{nullptr};
  BlockImpl() {
    dense = register_module("dense", nn::Linear(6, 4));
    norm = register_module("norm", nn::BatchNorm1d(4));
    dropout = register_module("dropout", nn::Dropout(0.4));
  }
  Tensor forward(const Tensor& x) { return at::tanh(dropout(norm(dense(x)))); }
};

TEST(BatchNormWalk, InsideAModuleWithoutARuleToo) {
  Network net({6});
  net.add("block", std::make_shared<BlockImpl>());
  net.add("last", nn::Linear(4, 3));
  const auto c = make_case(std::move(net));
  const auto before = buffers(c.net);
  const auto found = run(c, make(brute_force_quantities()));
  const auto after = buffers(c.net);
  restore(c.net, before);
  const auto l = contributions(c, with_graph(c));
  for (const auto& parameter : c.net.parameters())
    EXPECT_TRUE(tensors_near(found.at("grad/" + parameter.name)[0], torch::autograd::grad({l.sum()}, {parameter.value}, {}, true)[0],
                             1e-9, 1e-13)) << parameter.name;
  expect_equal_values(found, brute_force(c, with_graph(c, training_context(true))), "grad_eval");
  expect_same_state(buffers(c.net), after);
}

TEST(GraphWalk, ResidualNetwork) {
  Network net({6});
  auto trunk = net.add("first", nn::Linear(6, 4));
  for (const auto* block : {"a", "b"}) {
    const std::string name = block;
    net.add(name + ".tanh", nn::Tanh(), {trunk});
    net.add(name + ".dense", nn::Linear(4, 4));
    const auto branch = net.add(name + ".scale", nodes::scale(0.5));
    trunk = net.add(name + ".sum", nodes::sum(), {branch, trunk});
  }
  net.add("last", nn::Linear(4, 3));
  expect_matches_brute_force(make_case(std::move(net)), 0.2);
}

TEST(GraphWalk, ParallelBranchesOfEveryKind) {
  Network net({6});
  const auto dense = net.add("dense", nn::Linear(6, 6));
  net.add("left.slice", nodes::slice(1, 0, 4), {dense});
  net.add("left.shape", nodes::reshape({2, 2}));
  net.add("left.turn", nodes::permute({0, 2, 1}));
  const auto left = net.add("left.exp", nodes::exp());
  net.add("right.pad", nodes::pad({-2, 0}), {dense});
  const auto right = net.add("right.shape", nodes::reshape({2, 2}));
  const auto product = net.add("product", nodes::product(), {left, right});
  const auto squared = net.add("squared", nodes::product(), {left, left});
  net.add("concat", nodes::concat(1), {product, squared, right});
  net.add("mean", nodes::mean({2}));
  net.add("last", nn::Linear(6, 3));
  expect_matches_brute_force(make_case(std::move(net)));
}

TEST(GraphWalk, ReparametrisedNoise) {
  Network net({6});
  const auto trunk = net.add("encoder", nn::Linear(6, 4));
  const auto m = net.add("m", nn::Linear(4, 2), {trunk}), s = net.add("s", nn::Linear(4, 2), {trunk});
  net.add("z", nodes::reparametrise(), {m, s});
  net.add("decoder", nn::Linear(2, 4));
  net.add("sigmoid", nn::Sigmoid());
  net.add("last", nn::Linear(4, 3));
  expect_matches_brute_force(make_case(std::move(net), true));
}

/// Hessians [n, D, D] of the contributions of a loss in all of its outputs, flattened and joined, by double backward.
Tensor loss_hessians(const LossRule& loss, LossIO io) {
  const at::AutoGradMode differentiable(true);
  for (auto& output : io.outputs) output = output.detach().requires_grad_(true);
  const auto leaves = io.outputs;
  const auto joined = [](const TensorList& parts, const TensorList& like) {
    TensorList flat;
    for (std::size_t i = 0; i < parts.size(); ++i) flat.push_back(or_zeros(parts[i], like[i]).flatten(1));
    return at::cat(flat, 1);
  };
  const auto gradient = joined(torch::autograd::grad({loss.contributions(io).sum()}, leaves, {}, true, true), leaves);
  TensorList rows;
  for (int64_t k = 0; k < gradient.size(1); ++k)
    rows.push_back(joined(torch::autograd::grad({gradient.select(1, k).sum()}, leaves, {}, true, false, true), leaves));
  return at::stack(rows, 1);
}

/// Three outputs, two of which the network itself reads: the loss adds at mean and spread to what the decoder sends back.
TEST(GraphWalk, VariationalAutoencoder) {
  Network net({6});
  net.add("encoder", nn::Linear(6, 4));
  const auto trunk = net.add("tanh", nn::Tanh());
  const auto m = net.add("m", nn::Linear(4, 2), {trunk}), s = net.add("s", nn::Linear(4, 2), {trunk});
  net.add("z", nodes::reparametrise(), {m, s});
  net.add("decoder", nn::Linear(2, 6));
  const auto image = net.add("image", nn::Sigmoid());
  net.set_outputs({image, m, s});
  auto c = make_case(std::move(net));
  c.batch.targets = c.batch.inputs;
  for (const auto reduction : {LossReduction::mean, LossReduction::sum}) {
    c.loss = variational_autoencoder(reduction);
    const auto found = run(c, make(brute_force_quantities()));
    const auto outputs = outputs_with_graph(c);
    LossIO io{outputs, c.batch.targets, c.batch.size, 1, {}};
    io.divisor = c.loss->divisor(io);
    const auto hessians = loss_hessians(*c.loss, io);
    const at::AutoGradMode differentiable(true);
    const auto l = c.loss->contributions(io);
    const auto joined = at::cat({outputs[0], outputs[1], outputs[2]}, 1);
    const auto block = [&](const Tensor& w) {
      auto ggn = at::zeros({w.numel(), w.numel()}, at::kDouble);
      for (int64_t i = 0; i < c.batch.size; ++i) {
        TensorList jacobian;
        for (int64_t k = 0; k < joined.size(1); ++k)
          jacobian.push_back(or_zeros(torch::autograd::grad({joined[i][k]}, {w}, {}, true, false, true)[0], w).flatten());
        const auto j = at::stack(jacobian);
        ggn += j.t().matmul(hessians[i]).matmul(j);
      }
      return ggn;
    };
    expect_equal_values(found, brute_force(c.net, l, block, 0));
  }
}

/// Scaled dot-product attention over four tokens of three features, with its own value, key and query maps.
TEST(GraphWalk, Attention) {
  Network net({4, 3});
  const auto q = net.add("q", nn::Linear(3, 2), {0}), k = net.add("k", nn::Linear(3, 2), {0}), v = net.add("v", nn::Linear(3, 2), {0});
  net.add("scores", nodes::matmul(/*transpose_second=*/true, 1 / std::sqrt(2.0)), {q, k});
  const auto weights = net.add("weights", nodes::softmax());
  net.add("mixed", nodes::matmul(), {weights, v});
  net.add("norm", nn::LayerNorm(nn::LayerNormOptions({2})));
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(8, 3));
  const auto x = at::randn({3, 4, 3}, at::make_generator<at::CPUGeneratorImpl>(uint64_t{1}), at::kDouble);
  const auto c = make_case(std::move(net), false, LossReduction::mean, 3, x);
  expect_matches_brute_force(c);
  const auto expected = brute_force(c, with_graph(c));
  expect_blocks_of_biases_and_scales(c, run(c, make({"kflr"})), expected, "kflr");
}

Network row_normalisation_network() {
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("layer", nn::LayerNorm(nn::LayerNormOptions({6})));
  net.add("gelu", nn::GELU());
  net.add("channels", nodes::reshape({3, 2}));
  net.add("group", nn::GroupNorm(1, 3));
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(6, 3));
  return net;
}

TEST(GraphWalk, LayerAndGroupNormalisation) {
  const auto c = make_case(row_normalisation_network());
  expect_matches_brute_force(c, 0.1);
  expect_blocks_of_biases_and_scales(c, run(c, make({"kflr"})), brute_force(c, with_graph(c)), "kflr");
}

/// With one sample averaging changes nothing: kfra equals kflr, and both are exact for one-factor forms.
TEST(GraphWalk, AveragedCurvaturePassesShapesAndNormalisation) {
  Network shapes({6});
  shapes.add("first", nn::Linear(6, 6));
  shapes.add("shape", nodes::reshape({2, 3}));
  shapes.add("turn", nodes::permute({0, 2, 1}));
  shapes.add("slice", nodes::slice(1, 0, 2));
  shapes.add("scale", nodes::scale(1.5));
  shapes.add("softmax", nodes::softmax());
  shapes.add("pad", nodes::pad({1, 0}));
  shapes.add("exp", nodes::exp());
  shapes.add("mean", nodes::mean({1}));
  shapes.add("last", nn::Linear(3, 3));
  for (auto& c : {make_case(std::move(shapes), false, LossReduction::mean, 1),
                  make_case(row_normalisation_network(), false, LossReduction::mean, 1)}) {
    const auto found = run(c, make({"kflr", "kfra"}));
    for (const auto& parameter : c.net.parameters())
      EXPECT_TRUE(tensors_near(found.at("kfra/" + parameter.name)[0], found.at("kflr/" + parameter.name)[0], 1e-9, 1e-13))
          << parameter.name;
    expect_blocks_of_biases_and_scales(c, found, brute_force(c, with_graph(c)), "kfra");
  }
}

/// Of a scale under layers that are linear in evaluation mode, and a loss whose Hessian is the same for all samples, kfra
/// has nothing to approximate either: (1/N) sum_n diag(u_n) M diag(u_n).
TEST(GraphWalk, AveragedCurvatureOfAScale) {
  Network net({6});
  net.add("first", nn::Linear(6, 4));
  net.add("norm", nn::BatchNorm1d(4));
  net.add("last", nn::Linear(4, 3));
  const auto c = make_case(std::move(net), true);
  const auto found = run(c, make({"kfra"}));
  expect_blocks_of_biases_and_scales(c, found, brute_force(c, with_graph(c, training_context(true))), "kfra");
}

Case embedding_case(int64_t n, int64_t positions) {
  Network net({positions});
  net.add("embedding", nn::Embedding(5, 2));
  net.add("tanh", nn::Tanh());
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(2 * positions, 3));
  const auto x = at::randint(5, {n, positions}, at::make_generator<at::CPUGeneratorImpl>(uint64_t{2}), at::kLong);
  return make_case(std::move(net), false, LossReduction::mean, n, x);
}

TEST(GraphWalk, Embedding) {
  const auto c = embedding_case(4, 3);
  expect_matches_brute_force(c, 0.1);
  const auto factors = run(c, make({"kflr"})).at("kflr/embedding.weight");
  ASSERT_EQ(factors.size(), 2u);
  auto counts = at::zeros({5}, at::kDouble);
  for (int64_t i = 0; i < 12; ++i) counts[c.batch.inputs[0].flatten()[i].item<int64_t>()] += 0.25;
  EXPECT_TRUE(equal_up_to_rounding(factors[1], counts));
  EXPECT_EQ(factors[0].sizes(), at::IntArrayRef({2, 2}));
}

/// One sample, one position: A (x) diag(d) is the block of the transposed weight.
TEST(GraphWalk, KroneckerFactorsOfAnEmbeddingAreExactForOneReading) {
  const auto c = embedding_case(1, 1);
  const auto ggn = brute_force(c, with_graph(c)).at("ggn/embedding.weight")[0].reshape({5, 2, 5, 2}).permute({1, 0, 3, 2});
  const auto found = run(c, make({"kflr", "kfra"}));
  for (const auto* quantity : {"kflr", "kfra"}) {
    const auto& factors = found.at(std::string(quantity) + "/embedding.weight");
    EXPECT_TRUE(tensors_near(at::kron(factors[0].contiguous(), at::diag(factors[1])), ggn.reshape({10, 10}), 1e-9, 1e-13)) << quantity;
  }
}

/// Every element type in, the same out: nothing on the way is made in double by mistake, and values agree.
TEST(GraphWalk, SinglePrecision) {
  const std::vector<std::string> names = {"grad_batch", "batch_l2", "sum_grad_squared", "diag_ggn_exact", "diag_h", "kflr"};
  for (auto& c : {make_case(batch_norm_network()), make_case(row_normalisation_network()), embedding_case(4, 3),
                  make_case(residual_image_network(), false, LossReduction::mean, 4, images(4))}) {
    const auto before = buffers(c.net);
    const auto wanted = run(c, make(names));
    restore(c.net, before);
    auto& net = const_cast<Network&>(c.net);
    net.to(at::kFloat, at::kCPU);
    Batch batch = c.batch;
    if (batch.inputs[0].is_floating_point()) batch.inputs[0] = batch.inputs[0].to(at::kFloat);
    Pass(net, c.loss, {}).run(batch, {batch.size, 0, 0, Random(5)}, true, make(names),
                              [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                const auto key = quantity + "/" + parameter;
                                for (std::size_t i = 0; i < value.tensors.size(); ++i) {
                                  EXPECT_EQ(value.tensors[i].scalar_type(), at::kFloat) << key;
                                  EXPECT_TRUE(tensors_near(value.tensors[i], wanted.at(key)[i], 2e-4, 1e-6)) << key;
                                }
                              });
  }
}

}  // namespace
}  // namespace backobs
