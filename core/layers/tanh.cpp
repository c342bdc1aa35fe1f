// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = tanh(x), f' = 1 - y^2, f'' = -2 y (1 - y^2).
class TanhRule final : public ActivationRule<torch::nn::TanhImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "Tanh"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::tanh(inputs[0]);
  }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return 1 - io.output.square(); }
  Tensor d2f(const LayerIO& io) const override { return -2 * io.output * df(io); }
};

}  // namespace

void register_tanh(RuleTable& table) { table.add<torch::nn::TanhImpl, TanhRule>(); }

}  // namespace backobs
