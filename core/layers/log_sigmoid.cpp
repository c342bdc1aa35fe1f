// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = log(sigmoid(x)). With s = exp(y) = sigmoid(x): f' = 1 - s, f'' = -s (1 - s). Written with expm1, nothing
/// overflows and 1 - s keeps its digits where s is close to 1.
class LogSigmoidRule final : public ActivationRule<torch::nn::LogSigmoidImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "LogSigmoid"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::log_sigmoid(inputs[0]);
  }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return -io.output.expm1(); }
  Tensor d2f(const LayerIO& io) const override { return io.output.exp() * io.output.expm1(); }
};

}  // namespace

void register_log_sigmoid(RuleTable& table) { table.add<torch::nn::LogSigmoidImpl, LogSigmoidRule>(); }

}  // namespace backobs
