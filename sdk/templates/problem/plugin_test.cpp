// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/testing/extension_under_test.h>
#include <backobs/testing/plugin.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

std::unique_ptr<Problem> make() { return kit::Plugin(BACKOBS_PLUGIN_FILE).make_problem(); }
Batch first_batch(const Problem& problem, int64_t size) {
  const auto data = problem.data({});
  auto order = data->order(Phase::train, Random(42));
  order.resize(static_cast<std::size_t>(size));
  return data->batch(Phase::train, order, Random(42));
}

/// An extension that asks for nothing: what a pass tells is loss and gradient.
struct Nothing final : Extension {
  std::vector<Need> needs() const override { return {}; }
  void visit(const ParameterVisit&, Results&) override {}
};

TEST(@Class@, LiesOnTheTwoSpirals) {
  const auto problem = make();
  const auto batch = first_batch(*problem, 256);
  const auto r = batch.inputs[0].square().sum(1).sqrt();
  const auto t = M_PI * (3 * r + batch.targets[0]);
  EXPECT_TRUE(at::allclose(batch.inputs[0], at::stack({r * t.cos(), r * t.sin()}, 1), 1e-4, 1e-5));
  EXPECT_LE(r.max().item<float>(), 1.0f);
}

TEST(@Class@, GivesEqualBatchesForEqualSeedsOnly) {
  const auto problem = make();
  EXPECT_TRUE(first_batch(*problem, 64).inputs[0].equal(first_batch(*make(), 64).inputs[0]));
  DataRequest other;
  other.seed = 43;
  const auto order = problem->data(other)->order(Phase::train, Random(42));
  EXPECT_FALSE(problem->data(other)->batch(Phase::train, order, Random(42)).inputs[0].equal(
      problem->data({})->batch(Phase::train, order, Random(42)).inputs[0]));
}

TEST(@Class@, BeginsAtItsStatedLoss) {
  const auto problem = make();
  const auto network = problem->network(Random(42));
  kit::ExtensionUnderTest tested(std::make_shared<Nothing>(), network, problem->loss());
  EXPECT_NEAR(tested.pass(first_batch(*problem, 256)).loss, problem->facts().initial_loss, 1e-6);
}

/// A hundred steps of gradient descent on one batch.
TEST(@Class@, CanBeLearnt) {
  const auto problem = make();
  const auto network = problem->network(Random(42));
  const auto batch = first_batch(*problem, 256);
  kit::ExtensionUnderTest tested(std::make_shared<Nothing>(), network, problem->loss());
  for (int i = 0; i < 100; ++i) {
    const auto results = tested.pass(batch, i);
    const at::NoGradGuard no_graph;
    for (const auto& parameter : network.parameters()) parameter.value.sub_(results.gradients.at(parameter.name));
  }
  EXPECT_LT(tested.pass(batch).loss, 0.66);
}

TEST(@Class@, RefusesBadOptions) {
  const kit::Plugin plugin(BACKOBS_PLUGIN_FILE);
  EXPECT_THROW(plugin.make_problem({{"width", "0"}}), ConfigError);
  EXPECT_EQ(plugin.make_problem({{"width", "7"}})->network(Random(1)).parameter("dense2.weight").value.size(0), 7);
}
}  // namespace
