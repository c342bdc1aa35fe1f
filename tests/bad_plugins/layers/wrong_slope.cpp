// SPDX-License-Identifier: MIT
// Loses the slope of negative inputs on the way back.
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace {
using namespace backobs;

class WrongSlope final : public LayerRule {
 public:
  explicit WrongSlope(std::shared_ptr<torch::nn::PReLUImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "PReLU"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  bool is_curved() const override { return false; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0]);
  }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    return {columns * io.inputs[0].gt(0).to(columns.scalar_type())};
  }

 private:
  std::shared_ptr<torch::nn::PReLUImpl> module_;
};
}  // namespace

BACKOBS_LAYER(WrongSlope, torch::nn::PReLUImpl, "PReLU, wrongly")
