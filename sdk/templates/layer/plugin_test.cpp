// SPDX-License-Identifier: MIT
#include <backobs/module.h>
#include <backobs/testing/layer_contract.h>
#include <backobs/testing/plugin.h>

#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

std::shared_ptr<const LayerRule> rule() {
  static const kit::Plugin plugin(BACKOBS_PLUGIN_FILE);  // its rule is found from now on
  const auto module = torch::nn::Mish().ptr();
  return rule_for(typeid(*module), module, [module](const TensorList& x) { return module->forward(x[0]); });
}

TEST(@Class@, ServesItsModule) { EXPECT_FALSE(rule()->records_graph()); }

TEST(@Class@, ComputesWhatTheModuleDoes) {
  const auto x = at::linspace(-6, 6, 97, at::kDouble).reshape({97, 1});
  TensorList saved;
  EXPECT_TRUE(at::allclose(rule()->forward({x}, {}, saved), torch::nn::Mish()(x), 1e-12, 1e-14));
}

/// Every derivative against the one that autograd finds, on whole batches and on tiles.
TEST(@Class@, KeepsTheLayerContract) {
  at::manual_seed(0);
  EXPECT_LAYER_CONTRACT(rule(), {3 * at::randn({4, 7}, at::kDouble)});
  EXPECT_LAYER_CONTRACT(rule(), {at::randn({3, 2, 3}, at::kDouble)});
}
}  // namespace
