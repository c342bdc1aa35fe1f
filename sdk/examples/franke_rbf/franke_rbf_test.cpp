// SPDX-License-Identifier: MIT
#include "radial_basis.h"

#include <backobs/testing/extension_under_test.h>
#include <backobs/testing/layer_contract.h>
#include <backobs/testing/plugin.h>

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

std::unique_ptr<Problem> make() { return kit::Plugin(BACKOBS_PLUGIN_FILE).make_problem(); }
Batch whole_set(const Problem& problem, Phase phase, uint64_t seed = 42) {
  DataRequest request;
  request.seed = seed;
  const auto data = problem.data(request);
  return data->batch(phase, data->order(phase, Random(seed)), Random(seed));
}

/// No quantity: what a pass tells is loss and gradient.
struct Nothing final : Extension {
  std::vector<Need> needs() const override { return {}; }
  void visit(const ParameterVisit&, Results&) override {}
};

/// Every derivative of the layer against the one that autograd finds.
TEST(RadialBasis, KeepsTheLayerContract) {
  at::manual_seed(0);
  auto module = std::make_shared<franke::RadialBasisImpl>(2, 4, 0.7);
  module->centres.detach().copy_(at::randn({4, 2}));
  module->to(at::kDouble);
  EXPECT_LAYER_CONTRACT(std::make_shared<const franke::RadialBasisRule>(module), {at::randn({5, 2}, at::kDouble)});
}

/// Three values of the function, computed by hand.
TEST(FrankeRbf, HasFrankesValues) {
  const auto batch = whole_set(*make(), Phase::valid);
  const auto x = batch.inputs[0].to(at::kDouble), u = 9 * x.select(1, 0), v = 9 * x.select(1, 1);
  double nearest = 1e9, value = 0;
  for (int64_t i = 0; i < batch.size; ++i) {
    const double distance = (u[i] - 2).square().item<double>() + (v[i] - 2).square().item<double>();
    if (distance < nearest) nearest = distance, value = batch.targets[0][i].item<double>();
  }
  EXPECT_NEAR(value, 0.75 + 0.75 * std::exp(-9. / 49 - 0.3) + 0.5 * std::exp(-26. / 4), 0.02);  // at (2/9, 2/9)
  EXPECT_LT(batch.targets[0].max().item<float>(), 1.23f);
}

TEST(FrankeRbf, GivesEqualDataForEqualSeedsOnly) {
  EXPECT_TRUE(whole_set(*make(), Phase::train).inputs[0].equal(whole_set(*make(), Phase::train).inputs[0]));
  EXPECT_FALSE(whole_set(*make(), Phase::test).inputs[0].equal(whole_set(*make(), Phase::test, 43).inputs[0]));
}

/// Gradient descent brings the error of a thousand points down to a fifth, and moves the centres.
TEST(FrankeRbf, CanBeLearnt) {
  const auto problem = make();
  const auto network = problem->network(Random(42));
  const auto batch = whole_set(*problem, Phase::train);
  const auto centres = network.parameter("bumps.centres").value;
  const auto before = centres.detach().clone();
  kit::ExtensionUnderTest tested(std::make_shared<Nothing>(), network, problem->loss());
  const double first = tested.pass(batch).loss;
  for (int i = 0; i < 60; ++i) {
    const auto results = tested.pass(batch, i);
    const at::NoGradGuard no_graph;
    for (const auto& parameter : network.parameters()) parameter.value.sub_(results.gradients.at(parameter.name), 0.1);
  }
  EXPECT_LT(tested.pass(batch).loss, first / 5);
  EXPECT_FALSE(centres.equal(before));
}
}  // namespace
