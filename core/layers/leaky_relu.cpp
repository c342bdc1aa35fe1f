// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = x where x > 0, a x elsewhere (a = negative_slope); f' = 1 and a.
class LeakyReluRule final : public ActivationRule<torch::nn::LeakyReLUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "LeakyReLU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::leaky_relu(inputs[0], slope());
  }
  bool is_curved() const override { return false; }
  // The sign of the output tells that of the input unless a negative slope turns it round.
  bool reads_inputs() const override { return slope() < 0; }
  bool reads_output() const override { return slope() >= 0; }
  Tensor df(const LayerIO& io) const override {
    const auto& value = slope() < 0 ? io.inputs[0] : io.output;
    const auto above = indicator(value.gt(0), value);
    return above + (1 - above) * slope();
  }
  Tensor d2f(const LayerIO&) const override { return {}; }

 private:
  double slope() const { return options().negative_slope(); }
};

}  // namespace

void register_leaky_relu(RuleTable& table) { table.add<torch::nn::LeakyReLUImpl, LeakyReluRule>(); }

}  // namespace backobs
