// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/module.h>
#include <backobs/testing/brute_force.h>
#include <backobs/testing/extension_under_test.h>
#include <backobs/testing/plugin.h>

#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

Network small_network() {
  Network net({4});
  net.add("dense1", torch::nn::Linear(4, 5));
  net.add("tanh", torch::nn::Tanh());
  net.add("dense2", torch::nn::Linear(5, 3));
  net.to(at::kDouble, at::kCPU);
  return net;
}
Batch small_batch(int64_t size = 6) {
  return {{at::randn({size, 4}, at::kDouble)}, {at::randint(3, {size}, at::kLong)}, at::arange(size), size};
}
std::unique_ptr<Extension> make(const std::string& beta = "0.9") {
  return kit::Plugin(BACKOBS_PLUGIN_FILE).make_extension({{"beta", beta}});
}

/// Three passes against the definition, from gradients of single samples by autograd. v is the variance of a mean of N.
void expect_definition(LossReduction reduction) {
  at::manual_seed(0);
  const Network network = small_network();
  const auto loss = cross_entropy(reduction);
  kit::ExtensionUnderTest tested(make(), network, loss);
  std::map<std::string, Tensor> m, s;
  for (int t = 1; t <= 3; ++t) {
    const Batch batch = small_batch();
    const auto found = tested.pass(batch, t - 1);
    const kit::BruteForce brute(network, *loss, batch);
    double signal = 0, noise = 0;
    for (const auto& [name, values] : found.parameters) {
      const auto each = 6 * brute.gradients(name);  // of a mean the gradients of unreduced losses
      const auto g = each.mean(0), v = each.var(0, /*unbiased=*/true) / 6;
      m[name] = t == 1 ? 0.1 * g : 0.9 * m[name] + 0.1 * g;
      s[name] = t == 1 ? 0.1 * v : 0.9 * s[name] + 0.1 * v;
      const double weight = 1 - std::pow(0.9, t);
      const double up = (m[name] / weight).square().sum().item<double>(), down = s[name].sum().item<double>() / weight;
      EXPECT_NEAR(values.at(0).item<double>(), up / down, 1e-9 * up / down) << name << ", pass " << t;
      signal += up;
      noise += down;
    }
    EXPECT_NEAR(found.values.at("total").item<double>(), signal / noise, 1e-9 * signal / noise);
  }
}

TEST(GradientSignal, EqualsItsDefinitionForAMean) { expect_definition(LossReduction::mean); }
TEST(GradientSignal, EqualsItsDefinitionForASum) { expect_definition(LossReduction::sum); }

TEST(GradientSignal, GoesOnFromSavedState) {
  at::manual_seed(1);
  const Network network = small_network();
  const std::shared_ptr<Extension> first = make(), second = make();
  kit::ExtensionUnderTest a(first, network, cross_entropy()), b(second, network, cross_entropy());
  a.pass(small_batch());
  State state;
  first->save_state(state);
  second->load_state(state);
  const auto batch = small_batch();
  const auto found = a.pass(batch, 1), again = b.pass(batch, 1);
  for (const auto& [name, values] : found.parameters) EXPECT_TRUE(values[0].equal(again.parameters.at(name)[0])) << name;
  EXPECT_TRUE(found.values.at("total").equal(again.values.at("total")));
}

TEST(GradientSignal, RefusesWhatHasNoVariance) {
  const Network network = small_network();
  kit::ExtensionUnderTest tested(make(), network, cross_entropy());
  EXPECT_THROW(tested.pass(small_batch(1)), ComputeError);
  EXPECT_THROW(make("1"), ConfigError);
}
}  // namespace
