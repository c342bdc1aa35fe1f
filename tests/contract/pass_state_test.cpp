// SPDX-License-Identifier: MIT
// What a pass remembers and what it leaves behind: probes, plans, gradients, generators, the penalty; and what it refuses.
#include "contract/small_networks.h"
#include "contract/walk_case.h"

#include "network/tape.h"
#include "walk/plan.h"
#include "walk/tiles.h"

#include <backobs/error.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

/// Fails in the visit of one parameter.
struct FailsAt final : Extension {
  explicit FailsAt(std::string parameter) : parameter_(std::move(parameter)) {}
  std::vector<Need> needs() const override { return {{Need::What::sum_squares, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results&) override {
    if (p.info().name == parameter_) throw std::runtime_error("on purpose");
  }
  std::string parameter_;
};

Network batch_norm_network() {
  Network net({6});
  net.add("first", nn::Linear(6, 4));
  net.add("norm", nn::BatchNorm1d(4));
  net.add("tanh", nn::Tanh());
  net.add("last", nn::Linear(4, 3));
  return net;
}

PassSettings with_penalty(double c, bool in_quantities = true) {
  PassSettings settings;
  settings.l2_reg = c;
  settings.is_regularised = [](const std::string&) { return true; };
  settings.penalty_in_quantities = in_quantities;
  return settings;
}

TEST(PassState, CoupledSamplesAreRefusedEveryTime) {
  struct CentreImpl : nn::Module {
    Tensor forward(const Tensor& x) { return x - x.mean(0, true); }
  };
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("centre", std::make_shared<CentreImpl>());
  net.add("last", nn::Linear(6, 3));
  const auto c = make_case(std::move(net));
  Pass pass(c.net, c.loss, {});
  const PassInfo info{c.batch.size, 0, 0, Random(5)};
  for (int time = 0; time < 2; ++time) EXPECT_THROW(pass.run(c.batch, info, true, make({"batch_l2"})), ComputeError) << time;
}

/// A batch norm inside a module without a rule, over several positions so that one sample is enough.
struct NormInsideImpl : nn::Module {
  explicit NormInsideImpl(bool tracks)
      : norm(register_module("norm", nn::BatchNorm1d(nn::BatchNormOptions(2).track_running_stats(tracks)))) {}
  Tensor forward(const Tensor& x) { return norm(x.reshape({-1, 2, 3})).flatten(1).tanh(); }
  nn::BatchNorm1d norm;
};

TEST(PassState, WithoutRunningStatisticsSamplesAreCoupledInEveryMode) {
  const ForwardContext evaluation, training{true, false, Random(5), {}}, frozen{true, true, Random(5), {}};
  for (const bool tracks : {true, false}) {
    const auto module = std::make_shared<NormInsideImpl>(tracks);
    const auto rule = rule_for(typeid(*module), module, detail::forward_of(module));
    EXPECT_TRUE(rule->couples_samples(training));
    EXPECT_EQ(rule->couples_samples(frozen), !tracks);
    EXPECT_EQ(rule->couples_samples(evaluation), !tracks);
    Network net({6});
    net.add("inside", module);
    net.add("last", nn::Linear(6, 3));
    EXPECT_EQ(Pass(net, cross_entropy(), {}).refusals(make({"batch_l2"})).empty(), tracks);
  }
}

TEST(PassState, AFailureLeavesTheTrainingGradient) {
  const auto c = make_case(batch_norm_network());
  const auto wanted = run(c, {});
  EXPECT_THROW(run(c, {{"fails", std::make_shared<FailsAt>("norm.weight")}}), PluginError);
  for (const auto& parameter : c.net.parameters()) {
    ASSERT_TRUE(parameter.value.grad().defined()) << parameter.name;
    EXPECT_TRUE(equal_up_to_rounding(parameter.value.grad(), wanted.at("grad/" + parameter.name)[0])) << parameter.name;
  }
}

TEST(PassState, GradientOfEvaluationModeHasThePenaltyOfTheQuantities) {
  const auto c = make_case(batch_norm_network());
  for (const bool included : {true, false}) {
    const auto found = run(c, make({"grad_batch"}), with_penalty(0.3, included));
    for (const auto& parameter : c.net.parameters())
      EXPECT_TRUE(tensors_near(found.at("grad_eval/" + parameter.name)[0], found.at("grad_batch/" + parameter.name)[0].sum(0),
                               1e-10, 1e-13)) << parameter.name << ", penalty " << (included ? "included" : "excluded");
  }
}

/// Refused for many samples, served for one, by the same pass.
TEST(PassState, PlansAreOfABatchSize) {
  Network net({1});
  net.add("embedding", nn::Embedding(1000000, 5));
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(5, 3));
  const auto c = make_case(std::move(net), false, LossReduction::mean, 400, at::zeros({400, 1}, at::kLong));
  const auto one = Batch{{c.batch.inputs[0].narrow(0, 0, 1)}, {c.batch.targets[0].narrow(0, 0, 1)}, at::arange(1), 1};
  Pass pass(c.net, c.loss, {});
  const auto extensions = make({"grad_batch"});
  for (const auto* batch : {&c.batch, &one}) {
    bool served = false;
    pass.run(*batch, {batch->size, 0, 0, Random(5)}, true, extensions,
             [&](auto&, auto& parameter, const ResultValue&) { served = served || parameter == "embedding.weight"; });
    EXPECT_EQ(served, batch->size == 1);
  }
}

/// Linear in its parameter, curved in its input, with a mask.
struct NoisyScaleImpl : nn::Module {
  NoisyScaleImpl() { scale = register_parameter("scale", at::ones({4})); }
  Tensor forward(const Tensor& x) { return at::dropout(x.tanh() * scale, 0.4, is_training()); }
  Tensor scale;
};

/// Second derivatives between two uses of a parameter are taken through the masks that the forward drew.
TEST(PassState, SharedParameterUnderDropout) {
  Network net({6});
  const auto noisy = std::make_shared<NoisyScaleImpl>();
  net.add("first", nn::Linear(6, 4));
  net.add("a", noisy);
  net.add("sigmoid", nn::Sigmoid());
  net.add("b", noisy);
  net.add("last", nn::Linear(4, 3));
  const auto c = make_case(std::move(net));
  expect_matches_brute_force(c);
  PassSettings tiled;
  tiled.tiling.samples = 2;
  tiled.tiling.columns = 3;
  const auto whole = run(c, make({"diag_h"})), parts = run(c, make({"diag_h"}), tiled);
  EXPECT_TRUE(tensors_near(parts.at("diag_h/a.scale")[0], whole.at("diag_h/a.scale")[0], 1e-10, 1e-13));
}

TEST(PassState, PenaltyIsOfTheParametersAsTheyAre) {
  const auto c = make_case(chain());
  const Pass pass(c.net, c.loss, with_penalty(0.3));
  pass.evaluate(c.batch, {});
  c.net.parameters().front().value.data().mul_(2);  // the version counter does not see it
  EXPECT_NEAR(pass.evaluate(c.batch, {}).loss, Pass(c.net, c.loss, with_penalty(0.3)).evaluate(c.batch, {}).loss, 1e-12);
}

Case with_a_branch_aside() {
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("aside", nn::Linear(6, 2), {0});
  net.set_outputs({net.add("last", nn::Linear(6, 3), {1})});
  return make_case(std::move(net));
}

TEST(PassState, AParameterThatTheLossDoesNotReachHasThePenaltyAlone) {
  const auto c = with_a_branch_aside();
  const auto w = c.net.parameter("aside.weight").value.detach();
  const double n = static_cast<double>(c.batch.size), penalty = 0.3;
  PassSettings settings;
  settings.l2_reg = penalty;
  settings.is_regularised = [](const std::string&) { return true; };
  const auto found = run(c, make({"grad_batch", "batch_l2", "diag_ggn_exact", "sum_grad_squared"}), settings);
  const auto each = w * (penalty / n);
  EXPECT_TRUE(equal_up_to_rounding(found.at("grad/aside.weight")[0], w * penalty));
  EXPECT_TRUE(equal_up_to_rounding(found.at("grad_batch/aside.weight")[0], each.expand({c.batch.size, 2, 6})));
  EXPECT_TRUE(equal_up_to_rounding(found.at("batch_l2/aside.weight")[0], each.square().sum().expand({c.batch.size})));
  EXPECT_TRUE(equal_up_to_rounding(found.at("sum_grad_squared/aside.weight")[0], each.square() * n));
  EXPECT_TRUE(equal_up_to_rounding(found.at("diag_ggn_exact/aside.weight")[0], at::full_like(w, penalty)));
}

/// Every extension has a value for it, of zeros but for the input factor, in every tiling; and no other number changes.
TEST(PassState, WhatTheLossDoesNotReachIsZero) {
  const auto c = with_a_branch_aside();
  Network without({6});
  const auto& nodes = c.net.nodes();
  without.add("first", nodes[1].rule);
  without.add("last", nodes[3].rule);
  const Case alone{without, c.batch, c.loss};
  for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {2, 1}, {1, 0}}) {
    PassSettings settings;
    settings.tiling.samples = samples;
    settings.tiling.columns = columns;
    const auto found = run(c, make(all_names()), settings), wanted = run(alone, make(all_names()), settings);
    for (const auto& [key, values] : wanted)
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(found.at(key)[i].equal(values[i])) << key;
    for (const auto& name : all_names())
      for (const std::string parameter : {"aside.weight", "aside.bias"}) {
        const auto& values = found.at(name + "/" + parameter);
        EXPECT_TRUE(values[0].eq(0).all().item<bool>()) << name << " of " << parameter;
        if (values.size() == 2) {
          EXPECT_TRUE(values[1].equal(found.at("kflr/first.weight")[1])) << name;
          EXPECT_EQ(values[0].sizes(), at::IntArrayRef({2, 2})) << name;
        }
      }
    EXPECT_EQ(found.at("sqrt_ggn_exact/aside.weight")[0].sizes(), at::IntArrayRef({3, c.batch.size, 2, 6}));
  }
}

/// Averaged curvature does not see branches that the loss does not depend on; of several such it is zero.
TEST(PassState, BranchesAsideDoNotStopAveragedCurvature) {
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("tanh", nn::Tanh());
  const auto left = net.add("left", nn::Linear(6, 2), {2}), right = net.add("right", nn::Linear(6, 2), {2});
  net.add("sum", std::make_shared<AddImpl>(), {left, right});
  net.set_outputs({net.add("last", nn::Linear(6, 3), {2})});
  const auto c = make_case(std::move(net));
  EXPECT_TRUE(Pass(c.net, c.loss, {}).refusals(make({"kfra"})).empty());
  Network plain({6});
  for (const NodeId node : {1, 2, 6}) plain.add(c.net.nodes()[node].name, c.net.nodes()[node].rule);
  const auto found = run(c, make({"kfra"})), wanted = run({plain, c.batch, c.loss}, make({"kfra"}));
  for (const auto* name : {"first.weight", "first.bias", "last.weight", "last.bias"})
    for (std::size_t i = 0; i < wanted.at(std::string("kfra/") + name).size(); ++i)
      EXPECT_TRUE(found.at(std::string("kfra/") + name)[i].equal(wanted.at(std::string("kfra/") + name)[i])) << name;
  for (const auto* name : {"left.weight", "right.bias"})
    EXPECT_TRUE(found.at(std::string("kfra/") + name)[0].equal(at::zeros({2, 2}, at::kDouble))) << name;
}

/// A tile is judged by the columns of an embedding as well, which are larger than any layer's features.
TEST(PassState, TilesAreJudgedByColumnsOfParameters) {
  Network net({2});
  net.add("embedding", nn::Embedding(4000, 2));
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(4, 3));
  const auto c = make_case(std::move(net), false, LossReduction::mean, 6, at::arange(12).reshape({6, 2}));
  const std::vector<std::string> names = {"diag_ggn_exact", "batch_l2", "kflr", "ggnmp"};
  const auto whole = run(c, make(names));
  PassSettings small;
  small.tiling.budget_bytes = int64_t{1} << 20;  // eight columns of the embedding and their squares; 131,072 of the layers
  const auto infos = Pass(c.net, c.loss, {}).parameters();
  const auto plan = make_plan(c.net, infos, make(names), c.net.sample_shapes(), 6, small.tiling);
  EXPECT_EQ(plan.widest_columns, 8000);
  const Tape tape(c.net, c.batch.inputs, {});
  LossIO io{tape.outputs(), c.batch.targets, 6, 6, {}};
  c.loss->contributions(io);
  const auto tile = choose_tile({c.net, plan, tape, *c.loss, io, {6, 0, 0, Random(5)}, c.net.sample_shapes(), small.tiling});
  EXPECT_EQ(tile.samples, 2);
  EXPECT_LE(tile.samples * std::min<int64_t>(tile.columns, 4), 8);
  for (const auto& [key, values] : run(c, make(names), small))
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(equal_up_to_rounding(values[i], whole.at(key)[i])) << key;
}

/// Columns of 25,088 features in single precision, of which 1337 fit, and wider ones.
TEST(PassState, TilesAreOfOneSizeAndSplitColumnsFirstWhereTheyAddUp) {
  Tiling tiling;
  tiling.budget_bytes = int64_t{256} << 20;
  const auto check = [&](SignalSize size, int64_t samples, int64_t columns, bool one_sweep) {
    const auto tile = tile_for(tiling, 128, size);
    EXPECT_EQ(tile.samples, samples);
    EXPECT_EQ(tile.columns, columns);
    EXPECT_EQ(tile.one_sweep, one_sweep);
  };
  check({10, 25088, 4, true}, 128, 10, true);
  check({11, 25088, 4, true}, 128, 6, false);
  check({11, 25088, 4, false}, 128, 11, true);
  check({11, 250880, 4, false}, 43, 11, true);
  check({101, 98304, 4, true}, 64, 5, false);
  check({101, 98304, 4, false}, 13, 101, true);
  check({101, 20000000, 4, true}, 1, 1, false);
}

TEST(PassState, ColumnsAddUpUnlessSomebodyReadsSingleOnes) {
  const auto add_up = [&](Network net, const std::vector<ExtensionInstance>& extensions) {
    const auto c = make_case(std::move(net));
    return make_plan(c.net, Pass(c.net, c.loss, {}).parameters(), extensions, c.net.sample_shapes(), 6, {}).columns_add_up;
  };
  EXPECT_TRUE(add_up(chain(), make({"grad_batch", "variance", "diag_ggn_exact", "kfac", "kflr"})));
  EXPECT_FALSE(add_up(chain(), make({"diag_ggn_exact", "sqrt_ggn_exact"})));
  EXPECT_FALSE(add_up(chain(), make({"diag_ggn_exact_batch"})));
  auto in_blocks = make({"grad_batch"});
  in_blocks[0].blocks = Blocks::samples;
  EXPECT_FALSE(add_up(chain(), in_blocks));
  // Residuals: diagonals of a sigmoid; of a module without a rule they are formed before anything is split.
  Network sigmoid({6});
  sigmoid.add("first", nn::Linear(6, 5));
  sigmoid.add("sigmoid", nn::Sigmoid());
  sigmoid.add("last", nn::Linear(5, 3));
  EXPECT_TRUE(add_up(std::move(sigmoid), make({"diag_h"})));
  EXPECT_FALSE(add_up(chain(), make({"diag_h"})));
}

Case padded_embedding(int64_t n, const Tensor& rows, bool curved) {
  Network net({3});
  net.add("embedding", nn::Embedding(nn::EmbeddingOptions(5, 2).padding_idx(1)));
  if (curved) net.add("tanh", nn::Tanh());
  net.add("flat", nn::Flatten());
  net.add("last", nn::Linear(6, 3));
  return make_case(std::move(net), !curved, LossReduction::mean, n, rows);
}

/// One sample that reads one row once: the factor is the block of that row, whatever the padding's columns are.
TEST(PassState, OutputFactorOfAnEmbeddingLeavesPaddingOut) {
  const auto c = padded_embedding(1, at::tensor({2, 1, 1}, at::kLong).unsqueeze(0), true);
  const auto ggn = brute_force(c, with_graph(c)).at("ggn/embedding.weight")[0].reshape({5, 2, 5, 2});
  const auto found = run(c, make({"kflr", "kfra"}));
  for (const auto* quantity : {"kflr", "kfra"})
    EXPECT_TRUE(tensors_near(found.at(std::string(quantity) + "/embedding.weight")[0], ggn.select(0, 2).select(1, 2), 1e-9, 1e-13))
        << quantity;
}

/// (1/N) sum_n sum_{t,t' read} M[t,t'] with M = W^T (2/3) W, the same for every sample.
TEST(PassState, AveragedFactorOfAnEmbeddingLeavesPaddingOut) {
  const auto rows = at::tensor({2, 1, 3, 0, 0, 1, 1, 1, 1, 4, 3, 2}, at::kLong).reshape({4, 3});
  const auto c = padded_embedding(4, rows, false);
  const auto w = c.net.parameter("last.weight").value.detach();
  const auto m = (w.t().mm(w) * (2.0 / 3.0)).reshape({3, 2, 3, 2});
  auto wanted = at::zeros({2, 2}, at::kDouble);
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t t = 0; t < 3; ++t)
      for (int64_t u = 0; u < 3; ++u)
        if (rows[n][t].item<int64_t>() != 1 && rows[n][u].item<int64_t>() != 1) wanted += m.select(0, t).select(1, u) / 4;
  EXPECT_TRUE(tensors_near(run(c, make({"kfra"})).at("kfra/embedding.weight")[0], wanted, 1e-10, 1e-13));
}

TEST(PassState, TorchsGeneratorIsLeftAlone) {
  const auto c = make_case(chain());
  at::manual_seed(1);
  const auto wanted = at::rand({4});
  at::manual_seed(1);
  run(c, make({"batch_l2"}));
  EXPECT_TRUE(at::equal(at::rand({4}), wanted));
}

}  // namespace
}  // namespace backobs
