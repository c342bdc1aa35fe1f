// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// The constants for which mean 0 and variance 1 are a fixed point (Klambauer et al., NeurIPS 2017, equation 14).
constexpr double kAlpha = 1.6732632423543772848170429916717;
constexpr double kScale = 1.0507009873554804934193349852946;

/// y = s x where x > 0, s a (exp(x) - 1) elsewhere; f' = s and s a exp(x), f'' = 0 and s a exp(x).
class SeluRule final : public ActivationRule<torch::nn::SELUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "SELU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::selu(inputs[0]);
  }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    return at::where(x.gt(0), at::full_like(x, kScale), kScale * kAlpha * x.clamp_max(0).exp());
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    return indicator(x.le(0), x) * (kScale * kAlpha) * x.clamp_max(0).exp();
  }
};

}  // namespace

void register_selu(RuleTable& table) { table.add<torch::nn::SELUImpl, SeluRule>(); }

}  // namespace backobs
