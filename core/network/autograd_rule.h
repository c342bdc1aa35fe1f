// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>
#include <backobs/module.h>

namespace backobs {

/// A module nobody wrote a rule for: every derivative from autograd's recording of its forward.
class AutogradRule final : public LayerRule {
 public:
  AutogradRule(std::shared_ptr<torch::nn::Module> module, ModuleForward forward);

  std::string type() const override;
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override;

 private:
  std::shared_ptr<torch::nn::Module> module_;
  ModuleForward forward_;
};

}  // namespace backobs
