// SPDX-License-Identifier: MIT
// Every layer rule of core against the defaults, which read from autograd.
#include "contract/contract_rules.h"

#include <backobs/error.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

TEST(LayerContract, Linear) { EXPECT_LAYER_CONTRACT(rule_of(nn::Linear(5, 3)), {random({4, 5})}); }
TEST(LayerContract, LinearWithoutBias) {
  EXPECT_LAYER_CONTRACT(rule_of(nn::Linear(nn::LinearOptions(5, 3).bias(false))), {random({4, 5})});
}
TEST(LayerContract, LinearWithExtraAxes) { EXPECT_LAYER_CONTRACT(rule_of(nn::Linear(5, 3)), {random({4, 2, 3, 5})}); }
TEST(LayerContract, LinearOneSample) { EXPECT_LAYER_CONTRACT(rule_of(nn::Linear(5, 3)), {random({1, 5})}); }
TEST(LayerContract, LinearNonContiguousInput) {
  EXPECT_LAYER_CONTRACT(rule_of(nn::Linear(5, 3)), {random({5, 4}).t()});
}
TEST(LayerContract, Flatten) { EXPECT_LAYER_CONTRACT(rule_of(nn::Flatten()), {random({4, 3, 2})}); }

TEST(LayerContract, RuleIsMatchedExactly) {
  EXPECT_FALSE(rule_of(nn::Linear(2, 2))->records_graph());
  EXPECT_TRUE(rule_of(nn::Mish())->records_graph());
  EXPECT_EQ(rule_of(nn::Mish())->type(), "Mish");
}

TEST(LayerContract, CoupledSamplesAreRefused) {
  struct CentreImpl : nn::Module {
    Tensor forward(const Tensor& x) { return x - x.mean(0, true); }
  };
  const auto module = std::make_shared<CentreImpl>();
  const auto rule = rule_for(typeid(*module), module, detail::forward_of(module));
  const RecordedLayer layer(rule, {random({3, 2})}, {});
  EXPECT_THROW(layer.refuse_coupling({}), Error);
}

}  // namespace
}  // namespace backobs
