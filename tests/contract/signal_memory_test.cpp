// SPDX-License-Identifier: MIT
// Signals that move in place and a tape that is released on the way: whatever somebody else holds stays as it is.
#include "contract/contract_rules.h"
#include "contract/small_networks.h"
#include "contract/walk_case.h"
#include "signals/columns.h"

#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <optional>

namespace backobs {
namespace {

namespace nn = torch::nn;

/// A rectifier that was recorded, and columns [3, 4, 5] at its output.
struct Rectifier {
  std::shared_ptr<const LayerRule> rule = rule_of(nn::ReLU());
  RecordedLayer layer{rule, {random({4, 5})}, {}};
  LayerIO io = layer.io(0, 4);
  Tensor dense = at::randn({3, 4, 5}, at::kDouble);
  Tensor wanted = rule->jac_t(io, dense).front();

  Tensor moved(Tensor columns) const {
    Columns taken;
    taken.dense = std::move(columns);
    return pull_back(*rule, io, std::move(taken)).front().dense;
  }
};

TEST(SignalMemory, ASignalThatNobodyElseHoldsMovesInPlace) {
  Rectifier relu;
  const void* before = relu.dense.data_ptr();
  const auto after = relu.moved(std::move(relu.dense));
  EXPECT_TRUE(after.equal(relu.wanted));
  EXPECT_EQ(after.data_ptr(), before);
}

TEST(SignalMemory, WhatSomebodyElseHoldsStays) {
  const Rectifier relu;
  const auto copy = relu.dense.clone();
  EXPECT_TRUE(relu.moved(relu.dense).equal(relu.wanted));  // another handle
  EXPECT_TRUE(relu.dense.equal(copy));
  EXPECT_TRUE(relu.moved(relu.dense.view({3, 4, 5})).equal(relu.wanted));  // a view, as a branch or a drawn root has it
  EXPECT_TRUE(relu.moved(relu.dense.narrow(0, 0, 2)).equal(relu.wanted.narrow(0, 0, 2)));
  EXPECT_TRUE(relu.dense.equal(copy));
  const auto expanded = relu.moved(at::ones({1, 1, 5}, at::kDouble).expand({3, 4, 5}));  // one number in several places
  EXPECT_TRUE(expanded.equal(relu.rule->jac_t(relu.io, at::ones({3, 4, 5}, at::kDouble)).front()));
}

/// One tensor goes back to both branches of a sum; each rectifies it with a mask of its own.
TEST(SignalMemory, BranchesThatGetOneTensorDoNotSpoilEachOther) {
  Network net({6});
  const auto first = net.add("first", nn::Linear(6, 6));
  const auto left = net.add("left", nn::ReLU(), {first});
  const auto right = net.add("right", nn::ELU(), {first});
  const auto sum = net.add("sum", nodes::sum(), {left, right});
  net.set_outputs({net.add("last", nn::Linear(6, 3), {sum})});
  const auto c = make_case(std::move(net));
  const auto names = std::vector<std::string>{"diag_ggn_exact", "diag_h", "grad_batch"};
  PassSettings single;
  single.tiling.samples = single.tiling.columns = 1;  // branches meet tile by tile
  const auto once = run(c, make(names)), again = run(c, make(names)), in_tiles = run(c, make(names), single);
  for (const auto& [key, values] : once)
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(values[i].equal(again.at(key)[i])) << key;
      EXPECT_TRUE(equal_up_to_rounding(values[i], in_tiles.at(key)[i])) << key;
    }
}

/// Passes its input on, and saves a tensor that it has no other hold on.
class Saves final : public LayerRule {
 public:
  std::string type() const override { return "Saves"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList& saved) const override {
    saved = {inputs[0].detach().clone()};
    last_ = saved[0].storage().getWeakStorageImpl();
    return inputs[0] * 1;
  }
  bool is_held() const { return !last_->expired(); }

 private:
  mutable std::optional<c10::weak_intrusive_ptr<c10::StorageImpl>> last_;
};

/// In one tile: what a node saved is gone when the parameters below it are visited.
TEST(SignalMemory, TheLastWalkReleasesTheTapeNodeByNode) {
  const auto saves = std::make_shared<Saves>();
  Network net({6});
  net.add("first", nn::Linear(6, 6));
  net.add("saves", saves);
  net.add("last", nn::Linear(6, 3));
  const auto c = make_case(std::move(net));
  std::map<std::string, bool> held;
  Pass(c.net, c.loss, {}).run(c.batch, {c.batch.size, 0, 0, Random(5)}, true, make({"batch_l2"}),
                              [&](const std::string&, const std::string& parameter, ResultValue) { held[parameter] = saves->is_held(); });
  EXPECT_TRUE(held.at("last.weight"));
  EXPECT_FALSE(held.at("first.weight"));
}

}  // namespace
}  // namespace backobs
