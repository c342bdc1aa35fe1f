// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = log(1 + exp(b x)) / b, and x itself where b x exceeds the threshold. With s = sigmoid(b x): f' = s, f'' =
/// b s (1 - s); beyond the threshold 1 and 0.
class SoftplusRule final : public ActivationRule<torch::nn::SoftplusImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "Softplus"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::softplus(inputs[0], options().beta(), options().threshold());
  }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto scaled = options().beta() * io.inputs[0];
    return at::where(scaled.gt(options().threshold()), at::ones_like(scaled), at::sigmoid(scaled));
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto scaled = options().beta() * io.inputs[0];
    const auto s = at::sigmoid(scaled);
    return indicator(scaled.le(options().threshold()), scaled) * options().beta() * s * (1 - s);
  }
};

}  // namespace

void register_softplus(RuleTable& table) { table.add<torch::nn::SoftplusImpl, SoftplusRule>(); }

}  // namespace backobs
