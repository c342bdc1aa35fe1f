// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/loss.h>
#include <backobs/module.h>
#include <backobs/testing/brute_force.h>
#include <backobs/testing/extension_under_test.h>
#include <backobs/testing/plugin.h>

#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

/// Four inputs, five hidden units, three classes, in double precision.
Network small_network() {
  Network net({4});
  net.add("dense1", torch::nn::Linear(4, 5));
  net.add("tanh", torch::nn::Tanh());
  net.add("dense2", torch::nn::Linear(5, 3));
  net.to(at::kDouble, at::kCPU);
  return net;
}
Batch small_batch() { return {{at::randn({6, 4}, at::kDouble)}, {at::randint(3, {6}, at::kLong)}, at::arange(6), 6}; }

/// The definition written out, from gradients that autograd finds one sample at a time.
TEST(@Class@, EqualsItsDefinition) {
  at::manual_seed(0);
  const Network network = small_network();
  const Batch batch = small_batch();
  const auto loss = cross_entropy();
  const kit::Plugin plugin(BACKOBS_PLUGIN_FILE);
  const auto found = kit::ExtensionUnderTest(plugin.make_extension(), network, loss).pass(batch).parameters;
  const kit::BruteForce brute(network, *loss, batch);
  ASSERT_EQ(found.size(), network.parameters().size());
  for (const auto& [name, values] : found) {
    const auto g = brute.gradients(name).flatten(1);  // [N, P]
    const double wanted = (g.square().sum() / g.sum(0).square().sum()).item<double>();
    EXPECT_NEAR(values.at(0).item<double>(), wanted, 1e-9 * wanted) << name;
  }
}

/// How a batch is cut into tiles is no business of the result's.
TEST(@Class@, IsEqualForEveryTiling) {
  at::manual_seed(0);
  const Network network = small_network();
  const Batch batch = small_batch();
  const kit::Plugin plugin(BACKOBS_PLUGIN_FILE);
  const auto run = [&](const kit::PassChoices& choices) {
    return kit::ExtensionUnderTest(plugin.make_extension(), network, cross_entropy(), choices).pass(batch).parameters;
  };
  const auto whole = run({}), tiled = run({2, 1});
  for (const auto& [name, values] : whole)
    EXPECT_NEAR(tiled.at(name).at(0).item<double>(), values.at(0).item<double>(), 1e-12) << name;
}

TEST(@Class@, RefusesOptionsOutOfRange) {
  EXPECT_THROW(kit::Plugin(BACKOBS_PLUGIN_FILE).make_extension({{"floor", "-1"}}), ConfigError);
}
}  // namespace
