// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = x where x > 0, a (exp(x) - 1) elsewhere; f' = 1 and a exp(x), f'' = 0 and a exp(x).
class EluRule final : public ActivationRule<torch::nn::ELUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "ELU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::elu(inputs[0], options().alpha());
  }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    return at::where(x.gt(0), at::ones_like(x), options().alpha() * x.clamp_max(0).exp());
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    return indicator(x.le(0), x) * options().alpha() * x.clamp_max(0).exp();
  }
};

}  // namespace

void register_elu(RuleTable& table) { table.add<torch::nn::ELUImpl, EluRule>(); }

}  // namespace backobs
