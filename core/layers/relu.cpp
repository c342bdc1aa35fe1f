// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

/// y = max(x, 0), f' = 1 where x > 0 and 0 elsewhere; y > 0 says the same, so only the output is kept.
class ReluRule final : public ActivationRule<torch::nn::ReLUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "ReLU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::relu(inputs[0]);
  }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return indicator(io.output.gt(0), io.output); }
  Tensor d2f(const LayerIO&) const override { return {}; }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    // One pass over memory; threshold_backward broadcasts the mask over columns.
    return {at::threshold_backward(columns, io.output.expand_as(columns), 0)};
  }
  void jac_t_in_place(const LayerIO& io, Tensor& columns) const override {
    at::threshold_backward_out(columns, columns, io.output.expand_as(columns), 0);
  }
};

}  // namespace

void register_relu(RuleTable& table) { table.add<torch::nn::ReLUImpl, ReluRule>(); }

}  // namespace backobs
