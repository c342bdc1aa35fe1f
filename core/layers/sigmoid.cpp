// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace backobs {
namespace {

/// y = 1 / (1 + exp(-x)), f' = y (1 - y), f'' = y (1 - y) (1 - 2 y).
class SigmoidRule final : public ElementwiseRule {
 public:
  explicit SigmoidRule(std::shared_ptr<torch::nn::SigmoidImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "Sigmoid"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::sigmoid(inputs[0]);
  }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return io.output * (1 - io.output); }
  Tensor d2f(const LayerIO& io) const override { return df(io) * (1 - 2 * io.output); }

 private:
  std::shared_ptr<torch::nn::SigmoidImpl> module_;
};

}  // namespace

void register_sigmoid(RuleTable& table) { table.add<torch::nn::SigmoidImpl, SigmoidRule>(); }

}  // namespace backobs
