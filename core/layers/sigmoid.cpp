// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = 1 / (1 + exp(-x)), f' = y (1 - y), f'' = y (1 - y) (1 - 2 y).
class SigmoidRule final : public ActivationRule<torch::nn::SigmoidImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "Sigmoid"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::sigmoid(inputs[0]);
  }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return io.output * (1 - io.output); }
  Tensor d2f(const LayerIO& io) const override { return df(io) * (1 - 2 * io.output); }
};

}  // namespace

void register_sigmoid(RuleTable& table) { table.add<torch::nn::SigmoidImpl, SigmoidRule>(); }

}  // namespace backobs
