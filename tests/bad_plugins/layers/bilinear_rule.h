// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace backobs {

/// A sound rule of a module that takes two inputs and is not made without arguments: y = x1^T W x2 + b, by autograd.
class BilinearRule : public LayerRule {
 public:
  explicit BilinearRule(std::shared_ptr<torch::nn::BilinearImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "Bilinear"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0], inputs[1]);
  }

 private:
  std::shared_ptr<torch::nn::BilinearImpl> module_;
};

}  // namespace backobs
