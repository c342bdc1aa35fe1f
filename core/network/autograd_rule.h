// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>
#include <backobs/module.h>

namespace backobs {

/// A module nobody wrote a rule for: every derivative from autograd's recording of its forward. Normalisation over the
/// batch inside it follows the context as the module's own rule would; draws inside it come from torch's generator, which
/// is set to the step's position and the node's name meanwhile, so that they repeat.
class AutogradRule final : public LayerRule {
 public:
  AutogradRule(std::shared_ptr<torch::nn::Module> module, ModuleForward forward);

  std::string type() const override;
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override;
  bool couples_samples(const ForwardContext& context) const override;

 private:
  std::shared_ptr<torch::nn::Module> module_;
  ModuleForward forward_;
};

}  // namespace backobs
