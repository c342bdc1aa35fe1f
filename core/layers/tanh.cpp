// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace backobs {
namespace {

/// y = tanh(x), f' = 1 - y^2, f'' = -2 y (1 - y^2).
class TanhRule final : public ElementwiseRule {
 public:
  explicit TanhRule(std::shared_ptr<torch::nn::TanhImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "Tanh"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::tanh(inputs[0]);
  }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return 1 - io.output.square(); }
  Tensor d2f(const LayerIO& io) const override { return -2 * io.output * df(io); }

 private:
  std::shared_ptr<torch::nn::TanhImpl> module_;
};

}  // namespace

void register_tanh(RuleTable& table) { table.add<torch::nn::TanhImpl, TanhRule>(); }

}  // namespace backobs
