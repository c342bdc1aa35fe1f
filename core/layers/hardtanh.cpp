// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = x between two bounds and the nearer bound elsewhere; f' = 1 strictly between them, 0 elsewhere. The output
/// tells which.
class HardtanhRule final : public ActivationRule<torch::nn::HardtanhImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "Hardtanh"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::hardtanh(inputs[0], options().min_val(), options().max_val());
  }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto& y = io.output;
    return indicator(y.gt(options().min_val()).logical_and_(y.lt(options().max_val())), y);
  }
  Tensor d2f(const LayerIO&) const override { return {}; }
};

}  // namespace

void register_hardtanh(RuleTable& table) { table.add<torch::nn::HardtanhImpl, HardtanhRule>(); }

}  // namespace backobs
