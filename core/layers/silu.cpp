// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = x s with s = sigmoid(x): f' = s (1 + x (1 - s)), f'' = s (1 - s) (2 + x (1 - 2 s)).
class SiluRule final : public ActivationRule<torch::nn::SiLUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "SiLU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::silu(inputs[0]);
  }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    const auto s = at::sigmoid(x);
    return s * (1 + x * (1 - s));
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    const auto s = at::sigmoid(x);
    return s * (1 - s) * (2 + x * (1 - 2 * s));
  }
};

}  // namespace

void register_silu(RuleTable& table) { table.add<torch::nn::SiLUImpl, SiluRule>(); }

}  // namespace backobs
