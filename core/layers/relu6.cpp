// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = min(max(x, 0), 6); f' = 1 where 0 < y < 6, 0 elsewhere.
class Relu6Rule final : public ActivationRule<torch::nn::ReLU6Impl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "ReLU6"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return inputs[0].clamp(0, 6);
  }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    return indicator(io.output.gt(0).logical_and_(io.output.lt(6)), io.output);
  }
  Tensor d2f(const LayerIO&) const override { return {}; }
};

}  // namespace

void register_relu6(RuleTable& table) { table.add<torch::nn::ReLU6Impl, Relu6Rule>(); }

}  // namespace backobs
